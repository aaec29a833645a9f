#!/usr/bin/env python3
"""How large programs are and how long they take to start, side by side:

    benches/startup.py [--rounds 200] target/release/nexplane-doctor target/packages/stage/bin/nexplane-doctor

Times `--version`, and a whole diagnosis of an empty root; the programs take turns, so that whatever else the machine does
meets them all. Prints figures and asserts nothing.
"""
import argparse, os, statistics, subprocess, tempfile, time


def timed(command):
    start = time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    took = time.perf_counter() - start
    # An empty root has no agent, which is an error that is found.
    if ended.returncode not in (0, 1):
        raise SystemExit(f'{command} ended in {ended.returncode}')
    return took * 1000


def peak(command):
    """Peak memory in KiB: of a child that is the only one of its parent."""
    script = f'import resource, subprocess; subprocess.run({command!r}, stdout=-3); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'
    return int(subprocess.check_output(['python3', '-c', script], timeout=60))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--rounds', type=int, default=200)
    arguments.add_argument('programs', nargs='+')
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as nowhere:
        runs = {'--version': ['--version'], 'diagnosis of nothing': ['--root', nowhere]}
        took = {(program, run): [] for program in asked.programs for run in runs}
        for _ in range(asked.rounds):
            for (program, run), times in took.items():
                times.append(timed([program, *runs[run]]))
        for program in asked.programs:
            print(f'{program}: {os.path.getsize(program)} bytes, peak {peak([program, "--root", nowhere])} KiB')
            for run in runs:
                times = took[program, run]
                p95 = statistics.quantiles(times, n=20)[18]
                print(f'  {run}: p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms, least {min(times):.1f} ms')


if __name__ == '__main__':
    main()
