"""Shader programs from the files in `assets/shaders`.

The version line comes from here; `camera.glsl` stands in front of every program that is placed in the world.
"""

from __future__ import annotations

from typing import Any

from swarm import assets

_HEAD = "#version 330 core\n"


def build(context: Any, name: str, *, camera: bool = True, define: str = "") -> Any:
    """The moderngl program of `NAME.vert` and `NAME.frag`, with the macro `define` set. The caller releases it."""
    head = _HEAD + (f"#define {define}\n" if define else "") + (assets.text("shaders/camera.glsl") if camera else "")
    vertex, fragment = (head + assets.text(f"shaders/{name}.{kind}") for kind in ("vert", "frag"))
    return context.program(vertex_shader=vertex, fragment_shader=fragment)


def put(program: Any, **values: Any) -> None:
    """Set uniforms; names that the compiler has optimised away are passed over."""
    for name, value in values.items():
        if name in program:
            program[name] = value


def place(program: Any, camera: Any) -> None:
    """Set what `camera.glsl` reads."""
    put(
        program,
        view_size=camera.size,
        view_centre=(camera.x, camera.y),
        view_scale=camera.scale,
        world_size=camera.world,
    )


def software(context: Any) -> bool:
    """Whether OpenGL runs on the processor."""
    name = str(context.info["GL_RENDERER"]).lower()
    return any(word in name for word in ("llvmpipe", "softpipe", "swiftshader", "software"))
