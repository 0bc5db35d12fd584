"""The load as a process of its own; prints `ready`, then one line of JSON with what was seen and its CPU seconds."""

import argparse
import json
import resource

import uvloop

from covet_cli.loading import Target, drive


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body", default="")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    target = Target("127.0.0.1", options.port, options.path, options.method, options.body, ids=9000)
    used: list[float] = []

    def started() -> None:
        now = resource.getrusage(resource.RUSAGE_SELF)
        used.append(now.ru_utime + now.ru_stime)
        print("ready", flush=True)

    tally = uvloop.run(
        drive(
            target,
            connections=options.connections,
            seconds=options.seconds,
            warm_up=options.warm_up,
            seed=options.seed,
            started=started,
        )
    )
    now = resource.getrusage(resource.RUSAGE_SELF)
    seen = {
        "requests": len(tally.latencies),
        "errors": tally.errors,
        "seconds": tally.seconds,
        "p50": tally.percentile(0.5),
        "p99": tally.percentile(0.99),
        "cpu": now.ru_utime + now.ru_stime - used[0],
    }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
