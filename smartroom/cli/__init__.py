"""The command line. Each command imports what it needs when it runs: `smartroom --help` must not cost a second."""

import click

from smartroom import __version__
from smartroom.cli.devices import drivers, simulate
from smartroom.cli.people import pair, token, user
from smartroom.cli.records import journal, log_group, verify
from smartroom.cli.rooms import room_group, script
from smartroom.cli.run import demo, serve
from smartroom.cli.scenes import apply, check, history, plan, record, rehearse


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="smartroom")
def main() -> None:
    """A room server that shows only what the hardware reported."""


for _command in (
    demo,
    serve,
    check,
    plan,
    apply,
    history,
    record,
    log_group,
    rehearse,
    script,
    room_group,
    simulate,
    verify,
    journal,
    drivers,
    user,
    token,
    pair,
):
    main.add_command(_command)
