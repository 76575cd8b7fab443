"""Where the sun stands, and what a clear sky sends.

References
----------
.. [1] J. W. Spencer, "Fourier series representation of the position of the sun", Search 2(5),
   172, 1971: declination, equation of time, distance to the sun.
.. [2] B. Haurwitz, "Insolation in relation to cloudiness and cloud density", J. Meteorology 2,
   154-166, 1945, doi:10.1175/1520-0469(1945)002<0154:IIRTCA>2.0.CO;2, with the coefficients
   of M. J. Reno et al., SAND2012-2389, 2012: clear-sky irradiance.
.. [3] D. G. Erbs, S. A. Klein, J. A. Duffie, "Estimation of the diffuse radiation fraction",
   Solar Energy 28(4), 293-302, 1982, doi:10.1016/0038-092X(82)90302-4.
.. [4] B. Y. H. Liu, R. C. Jordan, "The long-term average performance of flat-plate solar
   energy collectors", Solar Energy 7(2), 53-74, 1963, doi:10.1016/0038-092X(63)90006-9:
   diffuse light on a tilted plane from an even sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SOLAR_CONSTANT_W_M2 = 1361.0
_ALBEDO = 0.2
_DAY_S = 86_400
# Below this height above the horizon the split into beam and diffuse light is not usable.
_LOWEST_COSINE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class SunPosition:
    """Place of the sun in the sky; every array has shape (instants,).

    Parameters
    ----------
    cos_zenith
        Cosine of the angle from straight above [-]; negative at night.
    azimuth_rad
        Direction on the horizon, clockwise from north [rad].
    extraterrestrial_w_m2
        Irradiance outside the atmosphere, across the beam [W/m²].
    """

    cos_zenith: Floats
    azimuth_rad: Floats
    extraterrestrial_w_m2: Floats


def sun_position(times_s: npt.ArrayLike, latitude_deg: float, longitude_deg: float) -> SunPosition:
    """Return where the sun stands [1]_, without refraction; within about 0.3° of the truth.

    Parameters
    ----------
    times_s
        Instants [s since 1970-01-01 UTC], shape (instants,).
    latitude_deg
        North is positive [°].
    longitude_deg
        East is positive [°].
    """
    times = np.asarray(times_s, dtype=np.float64)
    days = (times // _DAY_S).astype(np.int64).astype("datetime64[D]")
    years = days.astype("datetime64[Y]")
    length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(float)
    day = (days - years).astype(np.float64) + times % _DAY_S / _DAY_S
    angle = 2 * np.pi * day / length
    declination, equation_min, distance = _spencer(angle)
    solar_hour = times % _DAY_S / 3600 + longitude_deg / 15 + equation_min / 60
    hour_angle = np.radians(15 * (solar_hour - 12))
    latitude = np.radians(latitude_deg)
    up = np.sin(latitude) * np.sin(declination)
    up = up + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(latitude) * np.sin(declination)
    north = north - np.sin(latitude) * np.cos(declination) * np.cos(hour_angle)
    return SunPosition(
        cos_zenith=up,
        azimuth_rad=np.arctan2(east, north) % (2 * np.pi),
        extraterrestrial_w_m2=SOLAR_CONSTANT_W_M2 * distance,
    )


def _spencer(angle: Floats) -> tuple[Floats, Floats, Floats]:
    """Return declination [rad], equation of time [min] and (mean distance / distance)²."""
    cos, sin = np.cos(angle), np.sin(angle)
    cos2, sin2 = np.cos(2 * angle), np.sin(2 * angle)
    declination = (
        0.006918 - 0.399912 * cos + 0.070257 * sin - 0.006758 * cos2 + 0.000907 * sin2
    ) + (-0.002697 * np.cos(3 * angle) + 0.00148 * np.sin(3 * angle))
    equation_min = 229.18 * (
        0.000075 + 0.001868 * cos - 0.032077 * sin - 0.014615 * cos2 - 0.040849 * sin2
    )
    distance = 1.00011 + 0.034221 * cos + 0.00128 * sin + 0.000719 * cos2 + 0.000077 * sin2
    return declination, equation_min, distance


def clear_sky_w_m2(sun: SunPosition) -> Floats:
    """Return global horizontal irradiance under a clear sky [W/m²] [2]_, shape (instants,)."""
    cosine = np.maximum(sun.cos_zenith, 1e-6)
    clear = 1098.0 * cosine * np.exp(-0.059 / cosine)
    return np.where(sun.cos_zenith > 0, clear, 0.0)


def plane_w_m2(
    sun: SunPosition, global_w_m2: Floats, tilt_deg: float, azimuth_deg: float
) -> Floats:
    """Return the irradiance on a tilted plane [W/m²] [3]_ [4]_, shape (instants,), never negative.

    Parameters
    ----------
    sun
        Position of the sun.
    global_w_m2
        Global horizontal irradiance [W/m²], shape (instants,).
    tilt_deg
        From the horizontal [°].
    azimuth_deg
        Direction that the plane faces, clockwise from north [°].
    """
    cosine = np.maximum(sun.cos_zenith, _LOWEST_COSINE)
    clearness = np.clip(global_w_m2 / (sun.extraterrestrial_w_m2 * cosine), 0.0, 1.0)
    diffuse = global_w_m2 * _diffuse_share(clearness)
    beam = (global_w_m2 - diffuse) / cosine
    tilt = np.radians(tilt_deg)
    sine = np.sqrt(np.maximum(1 - sun.cos_zenith**2, 0.0))
    incidence = sun.cos_zenith * np.cos(tilt) + sine * np.sin(tilt) * np.cos(
        sun.azimuth_rad - np.radians(azimuth_deg)
    )
    sky, ground = (1 + np.cos(tilt)) / 2, (1 - np.cos(tilt)) / 2
    light = beam * np.maximum(incidence, 0.0) + diffuse * sky + global_w_m2 * _ALBEDO * ground
    return np.where(sun.cos_zenith > 0, light, 0.0)


def _diffuse_share(clearness: Floats) -> Floats:
    k = clearness
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k > 0.8, 0.165, middle))
