"use strict";
(() => {
  const said = document.getElementById("said");

  // Where the browser has no clipboard for a file of one's own, a selection can be copied all the same.
  const selected = (code) => {
    const selection = getSelection();
    selection.selectAllChildren(code);
    const copied = document.execCommand("copy");
    selection.removeAllRanges();
    return copied;
  };
  const copy = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      return selected(code);
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const copied = await copy(button.parentElement.querySelector("code"));
      button.textContent = copied ? "Copied" : "Select and copy by hand";
      said.textContent = copied ? "The command is copied." : "The command could not be copied.";
      setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 4000);
    });
  }

  // What is folded is on paper too.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
