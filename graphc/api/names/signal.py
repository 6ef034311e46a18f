"""Names of signal processing operations."""

from graphc.api.op import Op
from graphc.lib import cosine, signal, taper

ROWS = (
    Op("signal.fft", "FFT", signal.fft, "input"),
    Op("signal.ifft", "IFFT", signal.ifft, "input"),
    Op("signal.fft2d", "FFT2D", signal.fft2d, "input"),
    Op("signal.ifft2d", "IFFT2D", signal.ifft2d, "input"),
    Op("signal.fft3d", "FFT3D", signal.fft3d, "input"),
    Op("signal.ifft3d", "IFFT3D", signal.ifft3d, "input"),
    Op("signal.rfft", "RFFT", signal.rfft, "input_tensor",
       label="rfft"),
    Op("signal.irfft", "IRFFT", signal.irfft, "input_tensor",
       label="irfft"),
    Op("signal.rfft2d", "RFFT2D", signal.rfft2d, "input_tensor",
       label="rfft2d"),
    Op("signal.irfft2d", "IRFFT2D", signal.irfft2d, "input_tensor",
       label="irfft2d"),
    Op("signal.rfft3d", "RFFT3D", signal.rfft3d, "input_tensor",
       label="rfft3d"),
    Op("signal.irfft3d", "IRFFT3D", signal.irfft3d, "input_tensor",
       label="irfft3d"),
    Op("signal.fftnd", "FFTND", signal.fftnd, "input_tensor"),
    Op("signal.ifftnd", "IFFTND", signal.ifftnd, "input_tensor"),
    Op("signal.rfftnd", "RFFTND", signal.rfftnd, "input_tensor"),
    Op("signal.irfftnd", "IRFFTND", signal.irfftnd, "input_tensor"),
    Op("fftnd", "FFTND", signal.fftnd, "input_tensor", arguments="input=input_tensor fft_length axes name"),
    Op("ifftnd", "IFFTND", signal.ifftnd, "input_tensor", arguments="input=input_tensor fft_length axes name"),
    Op("rfftnd", "RFFTND", signal.rfftnd, "input_tensor", arguments="input=input_tensor fft_length axes -Tcomplex name"),
    Op("irfftnd", "IRFFTND", signal.irfftnd, "input_tensor", arguments="input=input_tensor fft_length axes -Treal name"),
    Op("signal.fftshift", "Roll", signal.fftshift, "x", label="fftshift"),
    Op("signal.ifftshift", "Roll", signal.ifftshift, "x", label="ifftshift"),
    Op("signal.dct", "MatMul", cosine.dct, "input", label="dct"),
    Op("signal.idct", "MatMul", cosine.idct, "input", label="idct"),
    Op("signal.mdct", "MatMul", cosine.mdct, "signals", label="mdct"),
    Op("signal.inverse_mdct", "MatMul", cosine.inverse_mdct, "mdcts", label="inverse_mdct"),
    Op("signal.stft", "RFFT", signal.stft, "signals", label="stft"),
    Op("signal.inverse_stft", "IRFFT", signal.inverse_stft, "stfts", label="inverse_stft"),
    Op("signal.inverse_stft_window_fn", "Mul", taper.inverse_stft_window_fn, label="inverse_stft_window_fn"),
    Op("signal.frame", "Reshape", signal.frame, "signal", label="frame"),
    Op("signal.overlap_and_add", "Reshape", signal.overlap_and_add, "signal", label="overlap_and_add"),
    Op("signal.hann_window", "Sub", taper.hann_window, label="hann_window"),
    Op("signal.hamming_window", "Sub", taper.hamming_window, label="hamming_window"),
    Op("signal.kaiser_window", "Div", taper.kaiser_window, label="kaiser_window"),
    Op("signal.kaiser_bessel_derived_window", "ConcatV2", taper.kaiser_bessel_derived_window,
       label="kaiser_bessel_derived_window"),  # fmt: skip
    Op("signal.vorbis_window", "Sin", taper.vorbis_window, label="vorbis_window"),
    Op("signal.linear_to_mel_weight_matrix", "Pad", cosine.linear_to_mel_weight_matrix,
       label="linear_to_mel_weight_matrix"),  # fmt: skip
    Op("signal.mfccs_from_log_mel_spectrograms", "Mul", cosine.mfccs_from_log_mel_spectrograms, "log_mel_spectrograms",
       label="mfccs_from_log_mel_spectrograms"),  # fmt: skip
)
