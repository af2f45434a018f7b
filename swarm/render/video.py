"""A recording as an MP4 file: frames in, H.264 out (PyAV; the best encoder it has, else MPEG-4 part 2).

The file is written in fragments of a second, so it plays whatever happens to the process; `close` turns it into a plain
MP4 file. A frame of another size, after the window was resized, is fitted into the picture with black around it.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from swarm.errors import ExtraError, SaveError, SettingsError

ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "mpeg4")  # in this order, whichever opens
QUALITY = {"libx264": {"preset": "veryfast", "crf": "24"}}
BITS = 0.2  # per pixel and frame, for the encoders that are told a rate instead of a quality
SMALLEST, LARGEST = 16, 8192  # px


class Video:
    """An MP4 file that grows by one frame with each `add`, and plays at `fps`, a constant rate.

    path   a file there is replaced
    size   (width, height), px; the picture leaves out a last odd column or row, as the format wants even ones
    fps    frames per second of the recording

    Nothing is written before the first frame. Raises `ExtraError` without PyAV, `SaveError` when the file cannot be
    written, `SettingsError` for a size or a rate that no video has.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], fps: float = 30) -> None:
        self.av = _library()
        self.path, self.frames = Path(path), 0
        width, height = (int(side) for side in size)
        if min(width, height) < SMALLEST or max(width, height) > LARGEST:
            raise SettingsError(f"video: size {tuple(size)} is not a width and height of {SMALLEST} to {LARGEST} px.")
        if not 0.1 <= float(fps) <= 1000:
            raise SettingsError(f"video: {fps!r} frames a second; give 0.1 to 1000, such as 30.")
        self.size, self.fps = (width // 2 * 2, height // 2 * 2), Fraction(fps).limit_denominator(1001)
        _writable(self.path)
        self._container: Any = None
        self._stream: Any = None

    @property
    def seconds(self) -> float:
        """How long the recording is by now."""
        return float(self.frames / self.fps)

    def add(self, image: np.ndarray) -> None:
        """Append one frame, uint8 [height, width, 3], top row first. Raises `SaveError` when the disk is full."""
        try:
            container = self._container or self._open()
            frame = self.av.VideoFrame.from_ndarray(self._fitted(image), format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = self.frames, 1 / self.fps
            container.mux(self._stream.encode(frame))
            self.frames += 1
        except self.av.FFmpegError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Finish the file; nothing more when it is finished. Without a frame there is no file."""
        if self._container is None:
            return
        container, stream, self._container = self._container, self._stream, None
        try:
            container.mux(stream.encode(None))
            container.close()
        except self.av.FFmpegError as error:
            raise self._failed(error) from None

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Any:
        """Start the file with the first encoder that opens."""
        # Fragments until the end, then a plain file. Each fragment goes to the disk at once.
        movflags = "frag_keyframe+empty_moov+default_base_moof+hybrid_fragmented"
        options = {"movflags": movflags, "flush_packets": "1"}
        self._container = self.av.open(str(self.path), "w", format="mp4", options=options)
        for name in ENCODERS:
            try:
                self._stream = self._container.add_stream(name, rate=self.fps, options=QUALITY.get(name, {}))
            except (ValueError, LookupError, self.av.FFmpegError):
                continue
            break
        else:
            self._container = None
            raise ExtraError(f"video: this PyAV has none of the encoders {', '.join(ENCODERS)}. {_REMEDY}")
        stream, codec = self._stream, self._stream.codec_context
        stream.width, stream.height = self.size
        stream.pix_fmt = "yuv420p"
        codec.time_base = 1 / self.fps
        codec.gop_size = max(1, round(self.fps))  # a fragment a second
        codec.max_b_frames = 0
        codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc = 1, 1, 1, 1  # studio swing, BT.709
        if codec.name not in QUALITY:
            codec.bit_rate = int(BITS * self.size[0] * self.size[1] * self.fps)
        return self._container

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        """The frame in the recording's size."""
        width, height = self.size
        if image.shape[0] // 2 * 2 == height and image.shape[1] // 2 * 2 == width:
            return np.ascontiguousarray(image[:height, :width])
        scale = min(width / image.shape[1], height / image.shape[0])
        inner = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
        frame = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        small = frame.reformat(width=inner[0], height=inner[1], interpolation="AREA").to_ndarray()
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        canvas = np.zeros((height, width, 3), np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = small
        return canvas

    def _failed(self, error: Any) -> SaveError:
        self._container = None
        return SaveError(
            f"video: {self.path} ends after {self.seconds:.1f} s ({error.strerror or error}). "
            "Remedy: free some space or record to another disk."
        )


_REMEDY = 'Remedy: pip install "swarm-engine[video]"'


def _library() -> Any:
    """The module `av`. Raises `ExtraError` when it is not installed."""
    try:
        import av
    except ImportError as error:
        raise ExtraError(f"video: PyAV cannot be imported ({error}). {_REMEDY}") from None
    return av


def _writable(path: Path) -> None:
    """Raises `SaveError` unless the file can be written; leaves no trace."""
    if path.is_dir():
        raise SaveError(f"video: {path} is a folder. Name a file, such as {path / 'recording.mp4'}.")
    new = not path.exists()
    try:
        with open(path, "ab"):
            pass
        if new:
            path.unlink()
    except OSError as error:
        raise SaveError(f"video: {path} cannot be written ({error.strerror}). Remedy: make the folder first.") from None
