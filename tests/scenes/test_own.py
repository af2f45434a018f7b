"""A scene of one's own, in a folder of its own: every command takes it, and every error names its line."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from swarm import cli, scenes
from swarm.errors import SettingsError
from swarm.scenes import SceneError, listing, repeat
from swarm.scenes.new import TEMPLATE
from tests.unit.cli.worlds import SCENE, write


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code, and what was printed, white space aside."""
    code = cli.call(words)
    shown = capsys.readouterr()
    return code, " ".join(f"{shown.out} {shown.err}".split())


@pytest.fixture
def walkers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The scene of `worlds.py` in the current folder."""
    monkeypatch.chdir(tmp_path)
    return write(tmp_path).name


def line_of(path: str, text: str) -> int:
    return next(k for k, line in enumerate(Path(path).read_text().splitlines(), 1) if text in line)


# --- how a scene is named ---------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package in the current folder whose module `worlds` is the scene; its name, not to be found elsewhere."""
    name = f"herd_{abs(hash(tmp_path))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("from . import worlds\n")
    write(tmp_path / name, "worlds.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(tmp_path))])
    yield name
    for key in [key for key in sys.modules if key.partition(".")[0] == name]:
        del sys.modules[key]


def test_it_is_found_by_file_module_and_attribute(package: str, walkers: str):
    for path in (walkers, f"{package}.worlds", f"{package}:worlds", f"{package}.worlds:Calm", f"{walkers}:Calm"):
        world = scenes.scene(path, agents=3)
        calm = path.endswith("Calm")
        assert world.counts() == {"walker": 3} and world.resources["speed"] == (0.1 if calm else 1.0), path
        assert world.scene is not None and world.scene["path"] == path and len(world.scene["source"]) == 16
        assert scenes.check(world) is not calm


def test_a_saved_world_of_an_attribute_reloads(walkers: str, tmp_path: Path):
    from swarm.world import World

    world = scenes.scene(f"{walkers}:Calm", agents=5)
    world.step()
    world.save(tmp_path / "w")
    again = World.load(tmp_path / "w", backend="reference")
    world.step()
    again.step()
    assert again.hash() == world.hash()


def test_importing_it_gives_the_same_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = "walkers_by_file_first", "walkers_by_name_first"
    paths = [write(tmp_path, f"{name}.py") for name in names]
    world = scenes.scene(str(paths[0]), agents=3)
    assert world.tables["walker"].has(importlib.import_module(names[0]).Body.pos)
    module = importlib.import_module(names[1])
    assert scenes.load(str(paths[1])) is module
    for name in names:
        sys.modules.pop(name)


def test_what_lies_beside_a_file_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "speeds_of_walkers.py").write_text("FAST = 7.0\n")
    imports = "import swarm\n", "import swarm\nfrom speeds_of_walkers import FAST\n"
    path = write(tmp_path, "near.py", ("= 1.0\n", "= FAST\n"), imports)
    assert scenes.scene(str(path), agents=2).resources["speed"] == 7.0
    sys.modules.pop("speeds_of_walkers")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.py", r"no such file.*swarm new no\.py"),
        ("walkers", r"no scene 'walkers'. Did you mean 'walkers\.py'\?"),
        ("walkers.py:Nobody", r"there is no 'Nobody' in walkers\.py\. It has Calm"),
        ("walkers.py:Body", r"has no `Settings`"),
        ("no_such_package.worlds", r"no module 'no_such_package' here or among the installed"),
        ("swarm.nothing", r"no module 'swarm\.nothing'"),
        ("", r"give a name, a file or package\.module"),
    ],
)
def test_what_is_not_there_is_told(path: str, message: str, walkers: str):
    with pytest.raises(SettingsError, match=message):
        scenes.load(path)


# --- every command ----------------------------------------------------------------------------------------------------


def test_every_command_takes_it(walkers: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "calm.toml").write_text("speed = 0.5\nagents = 20\n")
    options = ["--set", "speed=2", "--config", "calm.toml"]
    for words, shown in (
        (["demo", walkers, "--ticks", "4", "--headless"], "walker"),
        (["run", walkers, "--ticks", "4"], "hash"),
        (["run", walkers, "--ticks", "4", "--save", "w", "--every", "2"], "saved in w"),
        (["check", walkers, "--ticks", "4"], "repeatable, and its own check holds"),
        (["plan", walkers, "--roof", "30"], "ticks/s"),
    ):
        code, text = told(capsys, *words, *options)
        assert code == 0 and shown in text, (words, text)
    for words in (["demo", walkers], ["run", walkers, "--ticks", "4"], ["check", walkers], ["plan", walkers]):
        code, text = told(capsys, *words, "--set", "sped=2")
        assert code == 2 and "Did you mean 'speed'?" in text
        code, text = told(capsys, *words, "--set", "speed=12")
        assert code == 2 and "setting 'speed' does not fit" in text and "<= 9" in text
    code, text = told(capsys, "settings", walkers)
    assert code == 0 and "speed 1 m/s > 0, <= 9" in text
    code, text = told(capsys, "run", "--resume", "w", "--ticks", "9")
    assert code == 0 and "tick 9" in text


def test_bench_and_assay_take_it(walkers: str, capsys: pytest.CaptureFixture[str]):
    code, text = told(capsys, "bench", "tick", walkers, "--agents", "40", "--set", "sped=1")
    assert code == 2 and "Did you mean 'speed'?" in text
    path = write(Path(), "still.py", ("deadly: float = 0.05", "deadly: float = 0.0"), ("< 0.05)", "< 0)")).name
    code, text = told(
        capsys, "bench", "tick", path, "--agents", "40", "--aged", "5", "--ticks", "9", "--set", "speed=2",
        "--backend", "reference",
    )  # fmt: skip
    assert code == 0 and "with senses and brains" in text and "ticks/s" in text
    code, text = told(capsys, "assay", walkers)
    assert code == 2 and "offers no `garden` and `intake`" in text


def test_settings_say_default_unit_range_and_meaning(walkers: str):
    rows = {row.name: row for row in listing.listed(walkers)}
    assert rows["agents"] == listing.Setting("agents", "int", "40", "", ">= 1", "walkers at the start")
    assert rows["speed"] == listing.Setting("speed", "float", "1", "m/s", "> 0, <= 9", "")
    assert rows["deadly"].meaning == "chance to die in a tick"
    assert (rows["threads"].kind, rows["threads"].default, rows["levels"].default) == ("int or none", "none", "1,2")
    foragers = {row.name: row for row in listing.listed("foragers")}
    assert foragers["plants"].range == ">= 0 or none" and foragers["reach"].meaning == "m"


# --- a scene to begin with --------------------------------------------------------------------------------------------


def test_a_new_scene_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    code, text = told(capsys, "new", "meadow.py")
    assert code == 0 and "swarm demo meadow.py" in text
    source = Path("meadow.py").read_text()
    assert len(source.splitlines()) <= 60 and "my_world" not in source
    Path("meadow.py").write_text(source + "# mine\n")
    code, text = told(capsys, "new", "meadow.py")
    assert code == 2 and "is there already" in text and Path("meadow.py").read_text().endswith("# mine\n")
    code, text = told(capsys, "run", "meadow.py", "--ticks", "20", "--agents", "60", "--record", "5", "--out", "D")
    assert code == 0 and "finished at tick 20" in text
    code, text = told(capsys, "check", "meadow.py", "--ticks", "12", "--agents", "60")
    assert code == 0 and "repeatable, and its own check holds" in text
    assert len(scenes.load("meadow.py").look(scenes.scene("meadow.py", agents=9))) == 2
    assert told(capsys, "new", "meadow.py", "--force")[0] == 0 and Path("meadow.py").read_text() == source
    assert told(capsys, "new", "my world.txt")[0] == 2
    assert told(capsys, "new", "no/such/meadow.py")[0] == 2
    assert importlib.import_module("swarm.scenes.template").__file__ == str(TEMPLATE)


# --- errors in it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said", "at"),
    [
        (("import swarm\n", "import swarm\nimport nothing_\n"), "No module named 'nothing_'", "nothing_"),
        (("def walk(world, dt):", "def walk(world, dt)"), "SyntaxError: expected ':'", "def walk(world, dt)"),
        (("import swarm\n", "import swarm\nSIDE = 1 / 0\n"), "ZeroDivisionError", "SIDE = 1 / 0"),
        (("world = swarm.World(20, ", "world = swarm.World(-20, "), "give metres, more than 0", "World(-20"),
        (("    world.resources |=", "    [][7]\n    world.resources |="), "in build of scene", "[][7]"),
        (("agents[Body].vel = ", "agents[Body].vell = "), "in system 'walk' at tick 0", "].vell ="),
        (('if world.tick == world.resources["fault"]', "if world.tick == 2"), "in system 'rest' at tick 2", "tired"),
    ],
)
def test_an_error_names_the_users_line(
    change: tuple[str, str], said: str, at: str, walkers: str, capsys: pytest.CaptureFixture[str]
):
    path = write(Path(), "faulty.py", change).name
    code, text = told(capsys, "run", path, "--ticks", "5")
    assert code == 2 and said in text and "Traceback" not in text
    assert f"faulty.py, line {line_of(path, at)}" in text


def test_an_error_in_a_helper_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "helper_of_walkers.py").write_text("def speed():\n    return {}['fast']\n")
    write(tmp_path, "uses.py", ("import swarm\n", "import swarm\nimport helper_of_walkers\n"),
          ("    world.resources |=", "    helper_of_walkers.speed()\n    world.resources |="))  # fmt: skip
    code, text = told(capsys, "run", "uses.py", "--ticks", "5")
    assert code == 2 and "helper_of_walkers.py, line 2" in text and "KeyError: 'fast'" in text
    sys.modules.pop("helper_of_walkers")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("class Settings:", "class Options:"), "has no `Settings`. Write a frozen dataclass"),
        (("def build(s):", "def make(s):"), "has no `build`"),
        (("@dataclass(frozen=True)\nclass Settings:", "class Settings:"), "is no dataclass"),
        (("    return world\n\n\ndef check", "\n\ndef check"), "build returned NoneType"),
    ],
)
def test_an_incomplete_scene_is_told(change: tuple[str, str], message: str, walkers: str, capsys):
    calm = SCENE[SCENE.index("class Calm") :], ""  # which would miss what the scene has no more
    code, text = told(capsys, "run", write(Path(), "part.py", calm, change).name, "--ticks", "2")
    assert code == 2 and message in text, text


def test_a_common_setting_that_is_missing_is_told(walkers: str, capsys: pytest.CaptureFixture[str]):
    path = write(Path(), "plain.py", ("    threads: int | None = None\n", ""), (", threads=s.threads", "")).name
    code, text = told(capsys, "run", path, "--ticks", "2", "--threads", "1")
    assert code == 2 and "has no setting 'threads'. Declare it in Settings, `threads: int | None = None`" in text
    code, text = told(capsys, "check", path, "--ticks", "2")
    assert code == 0 and "left out threads" in text and "repeatable" in text


# --- swarm check ------------------------------------------------------------------------------------------------------


def test_a_scene_without_a_check_is_told_how_to_add_one(walkers: str, capsys: pytest.CaptureFixture[str]):
    code, text = told(capsys, "check", f"{walkers}:Calm", "--ticks", "3")
    assert code == 0 and "promises nothing of its own" in text and "def check(world):" in text


def test_a_broken_promise_is_exit_code_1(walkers: str, capsys: pytest.CaptureFixture[str]):
    path = write(Path(), "broken.py", ('["walker"] >= 0', '["walker"] < 0')).name
    code, text = told(capsys, "check", path, "--ticks", "3")
    assert code == 1 and "broken again" in text and "at tick 3 its check fails: fewer than nobody" in text
    with pytest.raises(SceneError, match="fewer than nobody"):
        scenes.check(scenes.scene(path))


FAULTS = {
    "again": "        agents[Body].mood += np.random.random(len(agents)).astype('f4')\n",
    "permuted": "        agents[Body].mood += np.cumsum(agents[Body].vel[:, 0], dtype='f4')[-1]\n",
    "process": "        agents[Body].mood += hash('north') % 65521\n",  # another number in every process
}  # fmt: skip


@pytest.mark.parametrize("way", FAULTS)
def test_a_planted_fault_is_found_with_tick_system_and_column(way: str, walkers: str, capsys):
    spot = "        agents[Body].pos = np.mod"
    path = write(Path(), f"planted_{way}.py", (spot, FAULTS[way] + spot)).name
    found = {}
    for twin in ("again", "permuted", "process"):
        _, found[twin] = repeat.compare(path, {}, 4, twin)
    first = next(twin for twin, finding in found.items() if finding is not None)
    assert first == way
    finding = found[way]
    assert (finding.tick, finding.system) == (0, "walk")
    assert "walker/Body.mood of entity" in str(finding)


def test_check_says_what_differs_and_where_to_look(walkers: str, capsys: pytest.CaptureFixture[str]):
    spot = "        agents[Body].pos = np.mod"
    path = write(Path(), "planted.py", (spot, FAULTS["permuted"] + spot)).name
    code, text = told(capsys, "check", path, "--ticks", "3")
    assert code == 1 and "differs permuted first at tick 0, system 'walk': walker/Body.mood of entity" in text
    assert repeat.HINTS["permuted"] in text and repeat.HINTS["again"] not in text and "1 of 5 differ" in text


def test_a_dict_filled_in_row_order_is_found(walkers: str):
    fault = (
        "        known = {int(id): k for k, id in enumerate(agents.ids)}\n"
        "        agents[Body].mood[known[min(known)]] += next(iter(known)) % 97\n"
    )
    spot = "        agents[Body].pos = np.mod"
    _, finding = repeat.compare(write(Path(), "dicts.py", (spot, fault + spot)).name, {}, 4, "permuted")
    assert finding is not None and finding.system == "walk" and "walker/Body.mood" in str(finding)
