class NexplaneDoctor < Formula
  desc "Why a Nexplane agent does not register, is offline or executes nothing"
  homepage "https://nexplane.example.com/"
  url "@URL@"
  sha256 "@SHA256@"
  license any_of: ["Apache-2.0", "MIT"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    %w[nexplane-doctor nexplane-agent].each do |program|
      generate_completions_from_executable(bin/program, "completions", shells: [:bash, :zsh, :fish], base_name: program)
      system bin/program, "man", "--dir", buildpath/"man"
    end
    man1.install Dir["man/*.1"]
  end

  # `sudo brew services start nexplane-doctor`: a diagnosis every quarter of an hour.
  service do
    run [opt_bin/"nexplane-doctor", "diagnose", "--format", "json", "--output", var/"nexplane-doctor.json"]
    run_type :interval
    interval 900
    require_root true
    error_log_path var/"log/nexplane-doctor.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/nexplane-doctor --version")
    # Nothing is wrong with an agent that is not there but that it is not there.
    (testpath/"host").mkpath
    assert_match "install.missing", shell_output("#{bin}/nexplane-doctor --root #{testpath}/host --format json", 1)
  end
end
