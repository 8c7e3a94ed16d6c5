"""TPU machines in a stand-in of the cloud: made, taken away, made again, heard to the end."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from launch import start, tpu
from launch.text import join
from tests.launch import stubs

# A cloud of two machines: a file holds the state, a folder is the home of each machine. As told in
# `fate`, a word a start of the program, the program ends with a code, or it waits for the other
# machine, or it and all that waits for it is gone, or the machines are taken, or deleted. A line of
# `trips` is a call that fails, such as "scp 2", or its part for one machine, "home1 ssh 3".
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
call="$verb $(grep -cx "$verb" verbs)"
fails() {{ ! grep -qx "$1" trips || {{ echo "no route to host" >&2; exit 1; }}; }}
fails "$call"
case "$verb" in
  create) [ ! -e state ] || exit 1; echo {ready} > state; mkdir -p home0 home1 ;;
  describe) cat state 2> /dev/null || {{ echo "ERROR: NOT_FOUND: Resource" >&2; exit 1; }} ;;
  delete) rm state; for home in home0 home1; do mv $home old$$.$home; done ;;
  scp) for home in home0 home1; do cp "$5" $home/code.tgz || exit 1; done ;;
  ssh)
    [ "$(cat state)" = {ready} ] || exit 255
    homes=home0; [ "$worker" != all ] || homes="home0 home1"
    for home in $homes; do fails "$home $call"; (cd $home && bash -c "$command") || exit 1; done ;;
esac
"""
PYTHON3 = r"""#!/bin/bash
echo "$PWD: $*" >> {cloud}/python3
[ "$3" != venv ] || {{ mkdir -p .venv/bin && cp {cloud}/program .venv/bin/python; }}
"""
PROGRAM = r"""#!{python}
import json, os, pathlib, sys, time
cloud = pathlib.Path({cloud!r})
if sys.argv[1] == "-c":
    sys.exit("the bucket does not exist")
with open(cloud / "told", "a") as file:
    file.write(json.dumps([os.path.basename(os.path.dirname(os.getcwd())), sys.argv[1:]]) + "\n")
if "home1" in os.getcwd():
    sys.exit(0)
fates = (cloud / "fate").read_text().split()
(cloud / "fate").write_text(" ".join(fates[1:]))
if fates[0] == "together":
    for look in range(200):
        if "home1" in (cloud / "told").read_text():
            sys.exit(0)
        time.sleep(0.05)
    sys.exit(3)
if not fates[0].isdecimal():
    if fates[0] == "taken":
        (cloud / "state").write_text({gone!r})
    if fates[0] == "deleted":
        (cloud / "state").unlink()
    os.kill(os.getppid(), 9)
    sys.exit(143)
sys.exit(int(fates[0]))
"""


@pytest.fixture(params=[False, True], ids=["vm", "queued"])
def cloud(request, tmp_path, monkeypatch):
    """run(fates, flags) -> (exit code, what was printed, verbs, [(machine, words)] of starts)."""
    monkeypatch.setattr(start, "ON_HOST", str(tmp_path / "data"))
    queued = request.param
    place = tmp_path / "cloud"
    place.mkdir()
    tools = stubs.Tools(tmp_path / "bin")
    names = dict(cloud=str(place), ready="ACTIVE" if queued else "READY")
    tools.write("gcloud", GCLOUD.format(**names))
    tools.write("python3", PYTHON3.format(**names))
    tools.write("sleep", "#!/bin/bash\nexec /bin/sleep 0.1\n")
    gone = "SUSPENDED" if queued else "PREEMPTED"
    (place / "program").write_text(
        PROGRAM.format(python=stubs.sys.executable, cloud=str(place), gone=gone)
    )
    (place / "program").chmod(0o755)
    (place / "told").touch()

    def run(fates, *flags, arguments=None, trips=""):
        (place / "fate").write_text(fates)
        (place / "trips").write_text(trips.replace(", ", "\n"))
        job = stubs.job("tpu", *flags, *(["--queued"] if queued else []), arguments=arguments)
        done = subprocess.run(["bash", "-c", tpu.script(job)], env=tools.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=100)  # fmt: skip
        told = (place / "told").read_text
        late = time.monotonic() + 20
        while "home0" in told() and "home1" not in told() and time.monotonic() < late:
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


def test_where_a_call_fails_for_once_the_run_goes_on(cloud):
    trips = "describe 2, ssh 1, ssh 4, scp 3, delete 1, create 2, describe 9"
    code, _, verbs, told = cloud("42 taken 0", trips=trips)
    assert code == 0 and [home for home, _ in told].count("home0") == 3
    assert verbs.count("create") == 3 and verbs.count("delete") == 2
    assert verbs.count("scp") == 4


def test_a_run_that_only_some_machines_have_begun_is_begun_on_all(cloud):
    code, _, verbs, told = cloud("together together", trips="home1 ssh 3")
    assert code == 0 and verbs.count("scp") == 2 and dict(told).keys() == {"home0", "home1"}


@pytest.mark.parametrize("trip, created", [("create 1", 1), ("describe 1", 0)])
def test_what_cannot_be_made_at_first_is_not_tried_again(cloud, trip, created):
    code, _, verbs, told = cloud("0", trips=trip)
    assert code == 1 and verbs.count("create") == created and told == []


once = pytest.mark.parametrize("cloud", [True], indirect=True, ids=["queued"])


@once
def test_machines_that_the_user_deletes_are_not_made_again(cloud):
    code, printed, verbs, _ = cloud("deleted")
    assert code == 1 and verbs.count("create") == 1 and "itit-large were deleted" in printed


@once
def test_what_is_always_gone_is_begun_no_more_often_than_was_asked(cloud):
    code, printed, _, told = cloud("gone gone gone", "--max_restarts=1")
    assert code == 1 and [home for home, _ in told].count("home0") == 2
    assert "begun 2 times" in printed


@once
def test_what_cannot_be_begun_is_not_tried_for_ever(cloud):
    trips = ", ".join(f"scp {time}" for time in range(1, 99))
    code, printed, verbs, told = cloud("0", trips=trips)
    assert code == 1 and told == [] and verbs.count("scp") == 10
    assert "cannot be reached, or not be begun" in printed


@once
def test_data_that_cannot_be_copied_ends_the_run_with_its_log(cloud):
    code, printed, verbs, told = cloud("0", "--data=gs://B/typo")
    assert code == 2 and told == [] and verbs.count("scp") == 1
    assert "the bucket does not exist\n--data=gs://B/typo was not copied" in printed


@once
def test_a_run_of_a_sweep_gives_its_machines_back_at_its_end(cloud):
    code, _, verbs, _ = cloud("3", "--sweep=s.py")
    assert code == 3 and verbs.count("create") == 1 and verbs[-1] == "delete"


@pytest.fixture
def machines(cloud, tmp_path):
    """Folders of the code on two machines that are ready."""
    found = [tmp_path / "cloud" / home / tpu.FOLDER for home in ("home0", "home1")]
    for folder in found:
        folder.mkdir(parents=True)
        (folder / "lock").touch()
    (tmp_path / "cloud" / "state").write_text("ACTIVE")
    return found


def holding(folder, command):
    """A process of its own group that has the lock of a machine."""
    process = subprocess.Popen(["flock", "lock", *command], cwd=folder, start_new_session=True)
    (folder / "group").write_text(str(process.pid))
    while subprocess.run(["flock", "-n", "lock", "true"], cwd=folder).returncode == 0:
        time.sleep(0.02)
    return process


@once
def test_another_run_that_is_alive_on_the_machines_is_left_alone(cloud, machines):
    (machines[0] / "run").write_text(tpu.identity(stubs.job("tpu")))
    process = holding(machines[0], ["sleep", "60"])
    code, printed, verbs, told = cloud("0", "--config.seed=2")
    assert (code, told) == (2, []) and set(verbs) == {"describe", "ssh"}
    assert "another run is alive on the machines of itit-large" in printed
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    assert cloud("0", "--config.seed=2")[0] == 0 and process.wait() < 0


@once
def test_typed_again_it_finds_its_own_run_and_hears_its_end(cloud, machines):
    (machines[0] / "run").write_text(tpu.identity(stubs.job("tpu")))
    process = holding(machines[0], ["bash", "-c", "sleep 0.5; echo 7 > ended"])
    code, printed, verbs, told = cloud("0")
    assert (code, told) == (7, []) and set(verbs) == {"describe", "ssh"}
    assert printed.count("itit-large runs.") == 1 and process.wait() == 0


@once
def test_what_another_machine_still_runs_makes_room(cloud, machines):
    left = holding(machines[1], ["sleep", "60"])
    code, _, _, told = cloud("0")
    assert code == 0 and {home for home, _ in told} == {"home0", "home1"} and left.wait() < 0


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
