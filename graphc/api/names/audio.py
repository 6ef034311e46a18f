"""Names of sound files."""

from graphc.api.op import Op
from graphc.lib import audio

ROWS = (
    Op("audio.decode_wav", "DecodeWav", audio.decode_wav, "contents", parts="audio sample_rate"),
    Op("audio.encode_wav", "EncodeWav", audio.encode_wav, "audio | sample_rate"),
)
