"""TPU machines in a stand-in of the cloud: made, taken away, made again, heard to the end."""

import json
import shutil
import subprocess
import time

import pytest

from launch import tpu
from launch.text import join
from tests.launch import stubs

# A cloud of two machines: a file holds the state, a folder is the home of each machine. As told in
# `fate`, a line a start of the program, the program ends with a code, or the machines are taken.
GCLOUD = r"""#!/bin/bash
cd {cloud} || exit 1
verb="$4" name="$5"
for word in "$@"; do
  case "$word" in
    --command=*) command="${{word#*=}}" ;;
    --worker=*) worker="${{word#*=}}" ;;
  esac
done
printf '%s\n' "$verb" >> verbs
case "$verb" in
  create) [ ! -e state ] || exit 1; echo {ready} > state; mkdir -p home0 home1 ;;
  describe) cat state 2> /dev/null ;;
  delete) rm state; for home in home0 home1; do mv $home old$$.$home; done ;;
  scp) for home in home0 home1; do cp "$5" $home/code.tgz || exit 1; done ;;
  ssh)
    [ "$(cat state)" = {ready} ] || exit 255
    homes=home0; [ "$worker" != all ] || homes="home0 home1"
    for home in $homes; do (cd $home && bash -c "$command") || exit 1; done ;;
esac
"""
PYTHON3 = r"""#!/bin/bash
echo "$PWD: $*" >> {cloud}/python3
[ "$3" != venv ] || {{ mkdir -p .venv/bin && cp {cloud}/program .venv/bin/python; }}
"""
PROGRAM = r"""#!{python}
import json, os, pathlib, sys
cloud = pathlib.Path({cloud!r})
with open(cloud / "told", "a") as file:
    file.write(json.dumps([os.path.basename(os.path.dirname(os.getcwd())), sys.argv[1:]]) + "\n")
if "home1" in os.getcwd():
    sys.exit(0)
fates = (cloud / "fate").read_text().split()
(cloud / "fate").write_text(" ".join(fates[1:]))
if fates[0] == "taken":
    (cloud / "state").write_text({gone!r})
    os.kill(os.getppid(), 9)
    sys.exit(143)
sys.exit(int(fates[0]))
"""


@pytest.fixture(params=[False, True], ids=["vm", "queued"])
def cloud(request, tmp_path):
    """run(fates, flags) -> (exit code, what was printed, verbs, [(machine, words)] of starts)."""
    queued = request.param
    place = tmp_path / "cloud"
    place.mkdir()
    tools = stubs.Tools(tmp_path / "bin")
    names = dict(cloud=str(place), ready="ACTIVE" if queued else "READY")
    tools.write("gcloud", GCLOUD.format(**names))
    tools.write("python3", PYTHON3.format(**names))
    # Long enough that a machine has begun what it was told, short enough to wait for.
    tools.write("sleep", "#!/bin/bash\nexec /bin/sleep 0.3\n")
    gone = "SUSPENDED" if queued else "PREEMPTED"
    (place / "program").write_text(
        PROGRAM.format(python=stubs.sys.executable, cloud=str(place), gone=gone)
    )
    (place / "program").chmod(0o755)

    def run(fates, *flags, arguments=None):
        (place / "fate").write_text(fates)
        job = stubs.job("tpu", *flags, *(["--queued"] if queued else []), arguments=arguments)
        done = subprocess.run(["bash", "-c", tpu.script(job)], env=tools.environment,
                              stdout=subprocess.PIPE, text=True, timeout=100)  # fmt: skip
        told = (place / "told").read_text
        while "home0" in told() and "home1" not in told():
            time.sleep(0.05)  # the second machine may be later
        told = [json.loads(line) for line in told().splitlines()]
        return done.returncode, done.stdout, (place / "verbs").read_text().split(), told

    return run


def test_a_run_is_begun_on_all_machines_and_heard_to_its_end(cloud):
    hostile = stubs.hostile_arguments()
    code, printed, verbs, told = cloud("0", arguments=hostile)
    assert code == 0 and "ended with exit code 0" in printed
    assert verbs.count("create") == 1 and "delete" not in verbs
    assert sorted(home for home, _ in told) == ["home0", "home1"]
    for _, words in told:
        assert tuple(words) == ("-u", "-m", "itit_jax.main", *hostile)


def test_42_and_signals_are_started_again_on_the_machine_and_2_is_not(cloud):
    code, _, verbs, told = cloud("42 143 2")
    assert code == 2 and verbs.count("create") == 1
    assert [home for home, _ in told].count("home0") == 3


def test_machines_that_are_taken_away_are_made_again(cloud):
    code, printed, verbs, told = cloud("taken taken 0", "--max_restarts=9")
    assert code == 0 and printed.count("they are made again") == 2
    assert verbs.count("create") == 3 and verbs.count("delete") == 2


def test_what_cannot_be_made_at_first_is_not_tried_again(cloud, tmp_path):
    tools = tmp_path / "bin" / "gcloud"
    tools.write_text(tools.read_text().replace("create) [", "create) exit 1; ["))
    (tmp_path / "cloud" / "told").write_text("")
    code, _, verbs, told = cloud("0")
    assert code == 1 and verbs.count("create") == 1 and told == []


FLAGS = ([], ["--spot"], ["--queued", "--slices=2"], ["--queued", "--spot", "--data=gs://b/d"])


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="needs gcloud")
def test_gcloud_knows_every_flag(tmp_path):
    calls = []
    for job in (stubs.job("tpu", *flags) for flags in FLAGS):
        ssh = tpu.gcloud(job, "ssh", *tpu.all_machines(job.options.queued), "--command=x")
        describe = tpu.gcloud(job, "describe", "--format=value(state)")
        calls += map(join, (tpu.create(job), tpu.delete(job), ssh, describe))
        calls.append(tpu.copy(job).replace('"$code_file"', "x"))
    file = tmp_path / "calls.json"
    file.write_text(json.dumps([{"command_string": call} for call in calls]))
    done = subprocess.run(["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    found = json.loads(done.stdout)
    assert len(found) == len(set(calls))  # each is looked at once
    assert [one["error_message"] for one in found if not one["success"]] == []
