"""Running programs: one, a shell, eight at once, beside a thousand."""
from measure import NOTHING, Server, compare, guestd, per_second, unary
from wire import start_request

ALIVE = 1000
SHELL = ("/bin/sh", "-c", "true")


def run_of(options, *words):
    return options.files.put(start_request("proto", *words))


def check(agent, name, flags):
    """Fails when the agent does not run programs in the way that the row means."""
    if agent.run(NOTHING).code != 0 or ("cgroupRoot" in agent.call("guest.v1.Agent/GetInfo")) == bool(flags):
        raise RuntimeError(f"{name}: not what this row measures; guestd's log:\n{agent.log}")


def at_once(server, options):
    """Eight of them, all the time."""
    return per_second(server, run_of(options, NOTHING), 8, options.units(1600), 200)


def alone(options, leaf, flags, target, shell_target, at_once_target):
    """One after the other, and eight at once. With a leaf the kernel does more: a target for it is a higher one."""
    request, shell = run_of(options, NOTHING), run_of(options, *SHELL)
    units = options.units(400)
    with (guestd(*flags) as agent, Server("raw_exec", "plain", NOTHING) as raw,
          Server("raw_exec", "plain", *SHELL) as raw_shell, Server("floor", NOTHING, mode=["spawn"]) as loop):
        check(agent, "exec", flags)
        yield from compare(f"exec p50{leaf}", options, unary(agent, request, units, 50),
                           unary(raw, request, units, 50), target,
                           floor=("vfork + wait", unary(loop, request, units), 1.3))
        yield from compare(f"sh -c true p50{leaf}", options, unary(agent, shell, units // 2, 50),
                           unary(raw_shell, shell, units // 2, 50), shell_target)
        yield from compare(f"8 at once{leaf}", options, at_once(agent, options), at_once(raw, options),
                           at_once_target, "/s", at_least=True)


def beside_many(options):
    """Both agents run beside the thousand processes, which are one's own: what is measured is what the table costs."""
    request, units = run_of(options, NOTHING), options.units(400)
    with guestd("--no-cgroups") as busy, guestd("--no-cgroups") as idle:
        for _ in range(ALIVE):
            with busy.start(NOTHING, "pause") as s:
                s.started()
        yield from compare(f"exec p50, {ALIVE:,} alive / none", options, unary(busy, request, units, 50),
                           unary(idle, request, units, 50), 1.1)
        if (alive := len(busy.call("process.Process/List")["processes"])) != ALIVE:
            raise RuntimeError(f"only {alive} of the processes are still alive")


def execs(options):
    yield from alone(options, "", ["--no-cgroups"], 1.35, 1.15, 0.6)
    yield from alone(options, ", with leaf", [], 1.7, None, None)
    yield from beside_many(options)
