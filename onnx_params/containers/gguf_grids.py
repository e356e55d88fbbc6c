"""Decode GGUF's blocks whose codes are places in a grid: eight or four numbers a code.

Source: ggml-org/ggml, src/ggml-common.h for the layout of blocks and the points of the grids
(``iq2xxs_grid`` and the like), src/ggml-quants.c for what codes mean.
"""

from __future__ import annotations

import base64
import functools
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.containers.gguf_blocks import Blocks, codes, half, scaled

if TYPE_CHECKING:
    import numpy as np

_THREE: Final = (8, 25, 43)
_EIGHT: Final = (4, 12, 20, 28, 36, 44, 52, 62)
_ODD: Final = (1, 3, 5, 7, 9, 11, 13, 15)
_SIGNS: Final = (-1, 0, 1)
_DELTA: Final = 0.125  # what points of one bit a number are moved by. IQ1S_DELTA


class _Grid(NamedTuple):
    """Points of a grid, in order: all points of ``width`` axes have ``levels`` on each, the first
    axis changes fastest, and a bit each says which points are used.

    The bits are packed, the lowest of a byte first, compressed with zlib and written in base 85.
    """

    levels: tuple[int, ...]
    width: int
    used: str


_GRIDS: Final = {
    "IQ2_XXS": _Grid(
        _THREE,
        8,
        "c-nPRORB^$43oj#tB`je2YP^R=KfcCw)5@K5e=lV<VbEmf91ogR%p3E0BR^O#16P=^@J3)+t0mx___f>P^zDolEn"
        "6;is&dxI!#Zg_{KuzkVd4Mw`?l*l~*(z5~c8Qj-!-YZym34v`$TQ4<4*~)dpL;rq|+W4irx`d$&)6^vGb7UkLBrz"
        "cFbHqcf>sMFwRxr;MTG;*}m%Qlby-@@TSk)X7om@@#uKQIjUUWQ&$2&y}*gX5TV=Bc|Cuh1wL(2Kn3A3Yj<N%;gb"
        "lzhT7_jxp@MF=lA5st5R^Hl2J=^JV`E{Z0D^#$6R7",
    ),
    "IQ2_XS": _Grid(
        _THREE,
        8,
        "c-mc2TdsvL2pkgnkBRPwCicH3cK=&BJX-bM<{ZTW!^|+oxJIi-qkD|rsuaR~iB<*?x~C4>8J0pJW<V>X*vo#SY&("
        "-c)w(<-fCU6QVt|)*=>oJ=N8h~B3mmYKBw*Y)Ca<s*uvOak7T*la5<g=kAh?T96(5+bR(Mt@J=L5^n!u1sF+~=p="
        "RjVCGbM+vDH*59tF!>kC`)-u3GzO}jM8X_r-*1ytubG*&a^iqGs?p-do}D8x2NWXU?%O)=7t88q040RdJ=Ak)9T+"
        "$YBcFD31^6BC_W+mG1}iEA-T}Oj@u6-pQ1yByIl9%`W3mW#F%j~<yh(N0zSL~oH^Zy%}}tQx4=M73#xoc?jNErTm"
        "D?iDs40;(&MG>YYMNuDE=SK;cc#9vM%q_=>7msuqjC",
    ),
    "IQ2_S": _Grid(
        _THREE,
        8,
        "c-n1JU5W-F3~NE(E9iYHjPDBe{#V(wI=kPpE5rQ7#3X8F%Z9aF@G^(h-0EI3Em0|W3^QwctZ7zp0a8G#rYWS&oF&"
        "YfEj@sgh^u5FBBgC>LAkBEEtarKv-X}c)kMD5E9g)N*35uFS6j&;COQ!QC2=T0oAzp}=fs8f?3xctXeG?g^dQAA!"
        "2(KVP=j1x!<Qgx@l7F)Pu!TMd$m>{ZzEray(N$AzRb24)#*U9zYZZF^+2!@EVQ9?ARiEH!J<ErE8usn4?()-BQhW"
        "*1pE<<S|Z6aT82aQO}QP4+el6zUY~*z7~Sl6pK?p!Q_DMIhH4w7?joIO9P^#Dw9CRS7mu8OBC|vDii4FoWN_zK9m"
        "?6y$}qXC*pyH_2f!)+bXep&HXz~CYasM7Fd3(JhmM~KIbkHJ7yU4;E692~{FNElHOf~Fzm+TBn!W(JyjC6",
    ),
    "IQ3_XXS": _Grid(
        _EIGHT,
        4,
        "c-l=-F%H5o3_M%0RAmZ7_lgPeigaLyA4Q!IuVCbv_?)J2Rn;aw-<^~BWtxCXwzFx0%xW)eST<YW5KL&L;j#hAAHo"
        "X-c)&}FY<X@1m|7IGsjrX>q7@bAuHrcP3L2_`6x)_>^v5;&o?@Fdagv_Uo9H*utGOGEJ93R6P|L2rgx{U}Y-UnrS"
        "3sKYtPIbF!WdDS7|dsT<9UQCqzhJe8+4kK5km%XvHjm=J(sMgqk-e3v^zjTJayVggoDWMJzTWE4a0T)3l-9P!ydl"
        "NePrBA?Xny*@kmBo4W|8$?wEo20v5Uy_5",
    ),
    "IQ3_S": _Grid(
        _ODD,
        4,
        "c-k#d!AiqG5PdVu!e&pqA>uXNMyUCUt<-~hDT4SrX{pfmmf{D9Rs{Q#&TgE;z`Qr}-rMBob#A|%IbF{W(Id*&Lkw"
        "q!%0~0(%@Ao{OU0lD_x2OXCI^OquXIKLt}o^pYnG?L6&oz+9HeSVPSrN(A}t!YmF^Xmp*3Qy-5G8(e|b5Y-VC?q("
        "AA>+32wuC)HmEXp@c1}PT|h83}iuXSwt^ePGkv?U+Lf3a_=1ov?9@{igP&9v4ypFswx3&TJZ@M2_=SuX>*z&qp%+"
        "CoXl)ge8!drA@5Agyn!FG+()?*sDei}n1QT95(J|p-wR7#Aht{0!Hx!aZfy;cl!bD4D3uqR(zW`GY5;6>@R{_|3X"
        "$jRqNR^eu)^e<Ll^vCYlKPU1;QQ+o$IB(hKom+bHx0SXmXXwyZnVo8~6jd#wQ>",
    ),
    "IQ1_S": _Grid(
        _SIGNS,
        8,
        "c-k#eK}(!R7=CxE;dM-9V?RN1diSfb(^(PgE$L;EU0C#DLh=VZ*|bQ>IZZw%yXlwN6ha`hG?#HO$v6$G@ldv(umM"
        "k2dT8mb2WdTox*h^v8VtnDuD#8?@Vw9Syw7v(LR2?w<}y}3b9YJG^C&5*&qs>Nl?x;NhAB!%0hRecnsm$a2YwJ@;"
        "QqccSPG~@n#@N5uBY$^gNY22s7}?HYgoxmY#Y+!Ajh1yxWA4l1OzVO1-XRyWBes^wA;LAoBq<x!%nuPhFWp9`{&R"
        "@7DG%<XIwD^Is3Q$Jf@<B<<hd(0^?jzIHG8vQn*?-$Ub(LsHW&@kYNcQ%|}dP%c;av8KJU^mWiJv*28-WD<$YEG%"
        "#}+D!ES;XeDuFD(VlG#i@A4$V;H%7rH52w&LB_pg1xSvl=L<CZ@9?{WdkSxbxSuMq|l64F4MqT|O(RS}O@H(bLXv"
        "Hn!_OntvSw2GXTKiD_6XGLxujp0!)qyF+V=7Bv?g3oFy??D1-6?{(2le%HQrc>Le(m#@Cb_P%)g$;r#{<KcsUbe#"
        "9?p_<1{H>jE?+1SCIq;Fwj@yPMjA_U90?}vdY$)D1%>fQq-z{36HBT$I&mG*v%J#A~V%aSj@pZtCEAg}V1eou`2@"
        "uUxU_YQ=)6;l3U7EjmAKr#y2F0kdO91c}@u6ikZ68>90+)KINV7E3oVy0wcNC7Qg*Gnz$6Ckekcj5w;yQl$8BcV}"
        "uIeIA*;9XR~L2uzcrHYS+2)y-rqrtcg6e{stpn$cM#il(dTBx(R&0u-;P1DmAvG}u@dX;b%ns9v~6p49X^c}lqEM"
        "lIFjzJBbrp$X4T{{D_p5YV7e^~xM<^E7<_56qcAaL=FI+lT|4v2#Y&dpW2-Egd@Fdf5G@Dheeu*|v(bMFD;1sQ1",
    ),
}


@functools.cache
def _points(name: str) -> np.ndarray:
    """The points of a grid: ``[points, axes]``."""
    import numpy as np

    grid = _GRIDS[name]
    packed = zlib.decompress(base64.b85decode(grid.used))
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    places = np.flatnonzero(bits)[:, None]
    n_levels = len(grid.levels)
    digits = places // n_levels ** np.arange(grid.width) % n_levels
    points: np.ndarray = np.asarray(grid.levels, np.float32)[digits]
    return points


# -- parts of blocks ------------------------------------------------------------------------------


def _at(name: str, places: np.ndarray) -> np.ndarray:
    """The points at places ``[n, count]``, side by side."""
    found: np.ndarray = _points(name)[places].reshape(len(places), -1)
    return found


def _wide(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Places of more than 8 bits, by their lowest 8 and the others."""
    import numpy as np

    found: np.ndarray = low.astype(np.uint16) | (high.astype(np.uint16) << 8)
    return found


def _signs(bits: np.ndarray) -> np.ndarray:
    """A sign for each bit of bytes: ``[n, 8 * bytes]``."""
    made: np.ndarray = 1 - 2 * codes(bits, 1, 1).astype("f4")
    return made


def _even(seven: np.ndarray) -> np.ndarray:
    """Bytes by their lowest seven bits; the eighth makes the number of ones even.
    ``ksigns_iq2xs``
    """
    folded = seven ^ (seven >> 4)
    folded = folded ^ (folded >> 2)
    folded = folded ^ (folded >> 1)
    made: np.ndarray = (seven | ((folded & 1) << 7)).astype("u1")
    return made


def _signs_and_scales(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What words of 32 bits say: four times seven bits of signs, then four of a scale."""
    import numpy as np

    words = words.copy().view("<u4")
    seven = (words[..., None] >> np.asarray([0, 7, 14, 21], np.uint32)) & 127
    return _signs(_even(seven.reshape(len(words), -1))), (words >> 28).astype("f4")


def _scales(packed: np.ndarray) -> np.ndarray:
    """Scales of four bits, the low half of a byte first."""
    return codes(packed, 4, 1).astype("f4")


# -- two and three bits a number ------------------------------------------------------------------


def _iq2_xxs(blocks: np.ndarray) -> np.ndarray:
    groups = blocks[:, 2:].reshape(len(blocks), 8, 8)
    places, words = (groups[:, :, at : at + 4].reshape(len(blocks), -1) for at in (0, 4))
    signs, scales = _signs_and_scales(words)
    factors = half(blocks[:, :2]) * (scales + 0.5) * 0.25
    return scaled(factors, _at("IQ2_XXS", places) * signs)


def _iq2_xs(blocks: np.ndarray) -> np.ndarray:
    words = blocks[:, 2:66].copy().view("<u2")
    factors = half(blocks[:, :2]) * (_scales(blocks[:, 66:]) + 0.5) * 0.25
    return scaled(factors, _at("IQ2_XS", words & 511) * _signs(_even(words >> 9)))


def _iq2_s(blocks: np.ndarray) -> np.ndarray:
    places = _wide(blocks[:, 2:34], codes(blocks[:, 66:74], 2, 1))
    factors = half(blocks[:, :2]) * (_scales(blocks[:, 74:]) + 0.5) * 0.25
    return scaled(factors, _at("IQ2_S", places) * _signs(blocks[:, 34:66]))


def _iq3_xxs(blocks: np.ndarray) -> np.ndarray:
    signs, scales = _signs_and_scales(blocks[:, 66:])
    factors = half(blocks[:, :2]) * (scales + 0.5) * 0.5
    return scaled(factors, _at("IQ3_XXS", blocks[:, 2:66]) * signs)


def _iq3_s(blocks: np.ndarray) -> np.ndarray:
    places = _wide(blocks[:, 2:66], codes(blocks[:, 66:74], 1, 1))
    factors = half(blocks[:, :2]) * (_scales(blocks[:, 106:]) * 2 + 1)
    return scaled(factors, _at("IQ3_S", places) * _signs(blocks[:, 74:106]))


# -- one bit a number -----------------------------------------------------------------------------


def _moved(places: np.ndarray, is_down: np.ndarray) -> np.ndarray:
    """Points, those of each group moved up or down by the same: ``is_down`` is ``[n, groups]``."""
    import numpy as np

    by = np.where(is_down, np.float32(-_DELTA), np.float32(_DELTA))[..., None]
    points = _at("IQ1_S", places)
    made: np.ndarray = (points.reshape(*is_down.shape, -1) + by).reshape(points.shape)
    return made


def _iq1_s(blocks: np.ndarray) -> np.ndarray:
    import numpy as np

    words = blocks[:, 34:].copy().view("<u2")  # four times three bits, a scale, a direction
    high = (words[..., None] >> np.asarray([0, 3, 6, 9], np.uint16)) & 7
    places = _wide(blocks[:, 2:34], high.reshape(len(blocks), -1))
    scales = ((words >> 12) & 7).astype("f4") * 2 + 1
    return scaled(half(blocks[:, :2]) * scales, _moved(places, words >> 15 != 0))


def _iq1_m(blocks: np.ndarray) -> np.ndarray:
    """Each of four words has four scales, and four bits of what they are multiplied with."""
    import numpy as np

    words = blocks[:, 48:].copy().view("<u2")
    parts = (words >> 12) << np.asarray([0, 4, 8, 12], np.uint16)
    factor = half(np.bitwise_or.reduce(parts, axis=1, keepdims=True))
    scales = (words[..., None] >> np.asarray([0, 3, 6, 9], np.uint16)) & 7
    factors = factor * (scales.reshape(len(blocks), -1).astype("f4") * 2 + 1)
    high = codes(blocks[:, 32:48], 4, 1)  # three bits, and a direction
    return scaled(factors, _moved(_wide(blocks[:, :32], high & 7), high > 7))


# number of a tensor's type -> its blocks
GRIDDED: Final = {
    16: Blocks("IQ2_XXS", 256, 66, _iq2_xxs),
    17: Blocks("IQ2_XS", 256, 74, _iq2_xs),
    18: Blocks("IQ3_XXS", 256, 98, _iq3_xxs),
    19: Blocks("IQ1_S", 256, 50, _iq1_s),
    21: Blocks("IQ3_S", 256, 110, _iq3_s),
    22: Blocks("IQ2_S", 256, 82, _iq2_s),
    29: Blocks("IQ1_M", 256, 56, _iq1_m),
}
