"""Pictures in a second drawing style, which no training ever saw: own stroke letters, other layouts, other damage.

All people are made up; faces are a few ellipses. `make.py` writes sets of them.
"""
import math
import os
import random

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

cv2.setNumThreads(1)
FONTS = '/usr/share/fonts/truetype/'
SERIF = [FONTS + 'liberation/LiberationSerif-Regular.ttf', FONTS + 'noto/NotoSerif-Regular.ttf', FONTS + 'dejavu/DejaVuSerif.ttf']
SANS = [FONTS + 'liberation/LiberationSans-Regular.ttf', FONTS + 'noto/NotoSans-Regular.ttf', FONTS + 'liberation/LiberationSansNarrow-Regular.ttf']
BOLD = [FONTS + 'liberation/LiberationSans-Bold.ttf', FONTS + 'noto/NotoSerif-Bold.ttf', FONTS + 'dejavu/DejaVuSans-Bold.ttf']
MONO = [FONTS + 'liberation/LiberationMono-Regular.ttf', FONTS + 'dejavu/DejaVuSansMono.ttf', FONTS + 'noto/NotoSansMono-Regular.ttf',
        FONTS + 'liberation/LiberationMono-Bold.ttf', FONTS + 'ocr-a/OCRA.ttf', '/usr/share/fonts/opentype/ocr-b/OCRB.otf']
SERIF, SANS, BOLD, MONO = ([f for f in g if os.path.exists(f)] for g in (SERIF, SANS, BOLD, MONO))
R = random.Random()
N = np.random.default_rng()
_fonts = {}


def font(path, size):
    key = path, max(5, int(size))
    if key not in _fonts:
        _fonts[key] = ImageFont.truetype(*key)
    return _fonts[key]


# ---- own letters of the machine-readable zone: strokes on a field of 4 x 6; ~ smooth, o smooth and closed
STROKES = {
    '0': 'o 2,0 3.5,.4 3.8,3 3.5,5.6 2,6 .5,5.6 .2,3 .5,.4', '1': '2.3,6 2.3,0 .9,1.5',
    '2': '~ .4,1.4 .8,.3 2,0 3.4,.4 3.5,1.8 2.6,3.2 .4,6|.4,6 3.7,6',
    '3': '.5,0 3.5,0 1.8,2.4|~ 1.8,2.4 3.2,2.6 3.7,4.2 3,5.7 1.6,6 .3,5.7', '4': '2.2,0 .2,4.3 3.9,4.3|2.9,2.8 2.9,6',
    '5': '3.4,0 .8,0 .7,2.6|~ .7,2.6 2.2,2.3 3.5,3 3.6,4.6 2.8,5.8 1.5,6 .3,5.8',
    '6': '~ 2.7,0 1.2,1.8 .4,3.6|o 2,2.6 3.4,3 3.7,4.3 3.3,5.6 2,6 .7,5.6 .3,4.3 .6,3', '7': '.3,0 3.7,0 2.2,2.8 1.8,6',
    '8': 'o 2,0 3.2,.4 3.3,1.4 2.9,2.4 2,2.7 1.1,2.4 .7,1.4 .8,.4|o 2,2.7 3.4,3.1 3.7,4.4 3.3,5.6 2,6 .7,5.6 .3,4.4 .6,3.1',
    '9': '~ 1.3,6 2.8,4.2 3.6,2.4|o 2,3.4 .6,3 .3,1.7 .7,.4 2,0 3.3,.4 3.7,1.7 3.4,3',
    'A': '.2,6 2,0 3.8,6|.9,4.2 3.1,4.2',
    'B': '.5,0 .5,6|~ .5,0 2.4,0 3.2,.6 3.1,2 2.4,2.7 .5,2.7|~ .5,2.7 2.6,2.7 3.6,3.3 3.6,5.2 2.6,6 .5,6',
    'C': '~ 3.6,.9 2.8,.1 1.4,.1 .4,1.4 .4,4.6 1.4,5.9 2.8,5.9 3.6,5.1', 'D': '.5,0 .5,6|~ .5,0 2.2,0 3.5,1 3.7,3 3.5,5 2.2,6 .5,6',
    'E': '3.5,0 .6,0 .6,6 3.5,6|.6,2.8 3,2.8', 'F': '3.5,0 .6,0 .6,6|.6,2.8 3,2.8',
    'G': '~ 3.6,.9 2.8,.1 1.4,.1 .4,1.4 .4,4.6 1.4,5.9 2.8,5.9 3.6,5.1|3.6,5.1 3.6,3.2 2.2,3.2', 'H': '.4,0 .4,6|3.6,0 3.6,6|.4,2.9 3.6,2.9',
    'I': '2,0 2,6|.9,0 3.1,0|.9,6 3.1,6', 'J': '~ 3,0 3,4.6 2.6,5.7 1.7,6 .5,5.6|1.6,0 3,0', 'K': '.6,0 .6,6|3.6,0 .6,3.4|1.6,2.5 3.8,6',
    'L': '.7,0 .7,6 3.6,6', 'M': '.3,6 .3,0 2,2.8 3.7,0 3.7,6', 'N': '.4,6 .4,0 3.6,6 3.6,0',
    'O': 'o 1.4,0 2.6,0 3.7,.8 3.8,3 3.7,5.2 2.6,6 1.4,6 .3,5.2 .2,3 .3,.8', 'P': '.6,6 .6,0|~ .6,0 2.6,0 3.5,.6 3.5,2.6 2.6,3.3 .6,3.3',
    'Q': 'o 1.4,0 2.6,0 3.7,.8 3.8,3 3.7,5.2 2.6,6 1.4,6 .3,5.2 .2,3 .3,.8|2.2,4.4 3.8,6.2',
    'R': '.6,6 .6,0|~ .6,0 2.6,0 3.5,.6 3.5,2.6 2.6,3.3 .6,3.3|1.9,3.3 3.7,6',
    'S': '~ 3.4,.8 2.7,.1 1.3,.1 .5,.9 .6,2.2 2,2.9 3.3,3.6 3.6,4.9 2.8,5.9 1.3,5.9 .4,5.1', 'T': '.2,0 3.8,0|2,0 2,6',
    'U': '~ .4,0 .4,4.4 .8,5.7 2,6 3.2,5.7 3.6,4.4 3.6,0', 'V': '.2,0 2,6 3.8,0', 'W': '.1,0 .9,6 2,2 3.1,6 3.9,0', 'X': '.3,0 3.7,6|3.7,0 .3,6',
    'Y': '.2,0 2,3 3.8,0|2,3 2,6', 'Z': '.4,0 3.6,0 .4,6 3.6,6', '<': '3.5,.9 .5,3 3.5,5.1',
}


def smooth(points, closed):
    for _ in range(3):
        pairs = list(zip(points, points[1:] + points[:1] if closed else points[1:]))
        out = [] if closed else [points[0]]
        for (ax, ay), (bx, by) in pairs:
            out += [(.75 * ax + .25 * bx, .75 * ay + .25 * by), (.25 * ax + .75 * bx, .25 * ay + .75 * by)]
        points = out if closed else out + [points[-1]]
    return points + points[:1] if closed else points


def strokes(text):
    lines = []
    for part in text.split('|'):
        mode = part[0] if part[0] in '~o' else ''
        points = [tuple(map(float, p.split(','))) for p in part.strip('~o ').split()]
        lines.append(np.array(smooth(points, mode == 'o') if mode else points))
    return lines


STROKES = {c: strokes(s) for c, s in STROKES.items()}


def zone(im, lines, x, y, mm, lead, ink):
    """Prints the machine-readable zone on `im` (BGR array, `mm` pixels a millimetre)."""
    cut = R.choice(['own', 'own', 'own', 'ocrb', 'ocrbs'])
    pitch, unit = 2.54 * R.uniform(.97, 1.03), .41 * R.uniform(.94, 1.06)
    if cut == 'own':
        sx, slant, weight = unit * R.uniform(.9, 1.08), R.gauss(0, .02), max(1, round(R.uniform(.3, .46) * mm))
        for r, line in enumerate(lines):
            for c, ch in enumerate(line):
                ox, oy = x + c * pitch + (pitch - 4 * sx) / 2, y + r * lead
                for path in STROKES[ch]:
                    p = np.stack([(ox + path[:, 0] * sx + (3 - path[:, 1]) * slant) * mm, (oy + path[:, 1] * unit) * mm], 1)
                    cv2.polylines(im, [np.round(p * 16).astype(np.int32)], False, ink, weight, cv2.LINE_AA, 4)
        return cut
    path = '/usr/share/fonts/opentype/ocr-b/' + ('OCRB.otf' if cut == 'ocrb' else 'OCRBS.otf')
    f = font(path, 3.5 * mm * unit / .41)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    for r, line in enumerate(lines):
        for c, ch in enumerate(line):
            d.text(((x + c * pitch) * mm, (y + r * lead - .6) * mm), ch, font=f, fill=ink)
    im[:] = np.asarray(pil)
    return cut


# ---- made-up people and documents
SYL = 'BA BE KA KE DA DO GU LA LI LO MA ME MU NA NI NU RA RI SA SE SU TA TE TI TO ZA ZE ZH AI EI SH AN EN YA'.split()
STATES = 'UZB KGZ RUS TUR UKR BLR AZE GEO ARM TJK TKM CHN MNG DEU FRA ITA POL GBR USA IND PAK LTU LVA EST CZE'.split()


def check(s):
    v = sum((int(c) if c.isdigit() else 0 if c == '<' else ord(c) - 55) * (7, 3, 1)[i % 3] for i, c in enumerate(s))
    return str(v % 10)


def name(limit):
    word = lambda k: ''.join(R.choice(SYL) for _ in range(k))
    s = word(R.randint(2, 4)) + '<<' + word(R.randint(2, 3))
    if R.random() < .3:
        s += '<' + word(R.randint(2, 3))
    return s[:limit].ljust(limit, '<')


def date(lo, hi):
    return '%02d%02d%02d' % (R.randint(lo, hi) % 100, R.randint(1, 12), R.randint(1, 28))


def number(k):
    letters = ''.join(R.choice('ABCEHKMNPTX') for _ in range(R.choice([0, 1, 1, 2])))
    return (letters + ''.join(R.choice('0123456789') for _ in range(k - len(letters))))[:k]


def person():
    kz = R.random() < .5
    state = 'KAZ' if kz else R.choice(STATES)
    state = 'D<<' if state == 'DEU' else state
    n = ('%09d' % R.randrange(10**9)) if kz else number(R.choice([8, 9, 9])).ljust(9, '<')
    return dict(state=state, number=n, birth=date(50, 107), sex=R.choice('MF<' if R.random() < .05 else 'MF'), until=date(26, 36),
                own=''.join(R.choice('0123456789') for _ in range(12)) if kz else '')


def mrz(kind, p):
    b, e = p['birth'] + check(p['birth']), p['until'] + check(p['until'])
    n = p['number'] + check(p['number'])
    if kind == 'td1':
        l1 = (R.choice(['ID', 'I<', 'IR', 'AC', 'C<'] if p['state'] != 'KAZ' else ['ID', 'ID', 'IR']) + p['state'] + n + p['own']).ljust(30, '<')
        l2 = (b + p['sex'] + e + p['state']).ljust(29, '<')
        return [l1, l2 + check(l1[5:30] + l2[0:7] + l2[8:15] + l2[18:29]), name(30)]
    if kind == 'td3':
        own = p['own'].ljust(14, '<')
        l2 = n + p['state'] + b + p['sex'] + e + own + (check(own) if p['own'] or R.random() < .5 else '<')
        return [R.choice(['P<', 'P<', 'PN', 'PD']) + p['state'] + name(39), l2 + check(l2[0:10] + l2[13:20] + l2[21:43])]
    if kind == 'td2':
        l2 = n + p['state'] + b + p['sex'] + e + '<' * 7
        return [R.choice(['I<', 'ID', 'AR']) + p['state'] + name(31), l2 + check(l2[0:10] + l2[13:20] + l2[21:35])]
    width = 44 if kind == 'mrva' else 36
    l2 = (n + p['state'] + b + p['sex'] + e + R.choice(['', 'B3' + number(6)])).ljust(width, '<')
    return ['V<' + p['state'] + name(width - 5), l2]


SIZES = {'td1': (85.6, 54), 'td2': (105, 74), 'td3': (125, 88), 'mrva': (120, 80), 'mrvb': (105, 74)}
LABELS = ['Surname / Тегі', 'Given names / Аты', 'Nationality', 'Туған күні / Birth', 'Authority', 'Place of birth', 'Document No', 'Sex', 'Қолы / Signature']


def put(d, x, y, text, size, fill, face=None):
    d.text((x, y), text, font=font(face or R.choice(SANS), size), fill=fill)


def face(d, x, y, w, h):
    d.rectangle((x, y, x + w, y + h), fill=tuple(R.randint(170, 235) for _ in range(3)))
    skin = R.choice([(170, 190, 230), (150, 175, 215), (200, 210, 240)])
    d.ellipse((x + w * .02, y + h * .75, x + w * .98, y + h * 1.25), fill=(90, 60, 50))
    d.rectangle((x, y + h, x + w, y + h * 1.3), fill=(225, 225, 225))
    d.ellipse((x + w * .2, y + h * .12, x + w * .8, y + h * .8), fill=skin)
    d.chord((x + w * .17, y + h * .06, x + w * .83, y + h * .62), 180, 360, fill=(40, 40, 50))
    for k in (.38, .62):
        d.ellipse((x + w * (k - .05), y + h * .42, x + w * (k + .05), y + h * .46), fill=(40, 30, 30))


def waves(im):
    h, w = im.shape[:2]
    base = im[0, 0].astype(int)
    step, amp, period = R.randint(8, 22), R.uniform(2, 12), R.uniform(60, 400)
    shade = tuple(int(c) for c in np.clip(base - R.randint(8, 38), 0, 255))
    xs = np.arange(0, w, 12)
    for y in range(-20, h + 20, step):
        p = np.stack([xs, y + amp * np.sin(xs / period * 6.28 + y * R.choice([.03, .0, .1]))], 1)
        cv2.polylines(im, [np.round(p).astype(np.int32)], False, shade, 1, cv2.LINE_AA)


def document(kind, mm):
    """A document at `mm` pixels a millimetre; BGR array, and the cut of its letters."""
    size = SIZES[kind]
    w, h = int(size[0] * mm), int(size[1] * mm)
    ground = R.choice([(240, 236, 228), (222, 232, 240), (230, 240, 226), (206, 214, 226), (244, 240, 250), (196, 212, 206)])
    im = np.full((h, w, 3), ground, np.uint8)
    waves(im)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    band = h - (24 if kind != 'td1' else 21) * mm
    ink = R.choice([(80, 40, 20), (40, 40, 40), (30, 30, 90)])
    d.rectangle((0, 0, w, 5.5 * mm), fill=tuple(max(0, c - 60) for c in ground))
    put(d, 3 * mm, 1.2 * mm, R.choice(['REPUBLIC OF KAZAKHSTAN', 'IDENTITY CARD', 'PASSPORT / ПАСПОРТ', 'RESIDENCE PERMIT', 'VISA']), 2.8 * mm, (250, 250, 250), R.choice(BOLD))
    if kind != 'td1' or R.random() < .4:
        face(d, w - 34 * mm, 8 * mm, 25 * mm, min(32 * mm, band - 10 * mm))
    y = 8 * mm
    while y < band - 6 * mm:
        put(d, 4 * mm, y, R.choice(LABELS), 1.7 * mm, (110, 110, 110))
        put(d, 4 * mm, y + 2 * mm, ''.join(R.choice(SYL) for _ in range(R.randint(2, 5))), 2.7 * mm, ink, R.choice(BOLD + SANS))
        y += R.uniform(5.6, 7.4) * mm
    if R.random() < .3:
        x = R.uniform(.4, .6) * w
        for k in range(40):
            d.rectangle((x + k * .8 * mm, 8 * mm, x + (k * .8 + R.choice([.25, .5])) * mm, 14 * mm), fill=(20, 20, 20))
    im = np.array(pil)
    if R.random() < .35:
        cv2.rectangle(im, (0, int(band)), (w, h), tuple(min(255, c + 12) for c in ground), -1)
    lines = mrz(kind, person())
    width = len(lines[0]) * 2.54
    lead = 4.23 if kind == 'td1' else R.choice([4.23, 6.35, 6.35]) if kind == 'td3' else 5.0
    y = size[1] - 4.2 - lead * (len(lines) - 1) - 2.5
    cut = zone(im, lines, max(1.5, (size[0] - width) / 2 + R.uniform(-1, 1)), y, mm, lead, R.choice([(15, 15, 15), (45, 40, 40), (60, 30, 25)]))
    return im, cut


# ---- damage, in another order than the first style: scene, lens, sensor, camera, messenger
def shrink(im, k):
    return cv2.resize(im, (max(8, round(im.shape[1] * k)), max(8, round(im.shape[0] * k))), interpolation=cv2.INTER_AREA)


def ground(h, w):
    kind = R.choice(['flat', 'wood', 'cloth', 'flat'])
    base = np.array([R.randint(30, 220) for _ in range(3)], np.float32)
    if kind == 'flat':
        return np.full((h, w, 3), base, np.uint8)
    rows, cols = (R.randint(30, 90), 3) if kind == 'wood' else (R.randint(20, 60), R.randint(20, 60))
    t = cv2.resize(N.standard_normal((rows, cols)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    return np.clip(base + t[..., None] * R.uniform(6, 20), 0, 255).astype(np.uint8)


def scene(im, mode):
    """Lays a document on a table or a scanner glass, turned and tilted."""
    h, w = im.shape[:2]
    photo = mode == 'photo'
    angle = R.choice([0, 0, 90, 180, 270]) + R.gauss(0, 5 if photo else 1.5)
    if photo and R.random() < .25:
        angle = R.uniform(0, 360)
    margin = R.uniform(1.08, 1.7) if photo else R.uniform(1.05, 1.3)
    a = math.radians(angle)
    cw, ch = abs(w * math.cos(a)) + abs(h * math.sin(a)), abs(w * math.sin(a)) + abs(h * math.cos(a))
    W, H = int(cw * margin), int(ch * margin)
    tilt = R.uniform(0, .08) if photo else 0
    corners = np.float32([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    turned = corners @ np.float32([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    turned += N.uniform(-1, 1, (4, 2)).astype(np.float32) * tilt * min(w, h)
    turned += np.float32([W / 2 + R.uniform(-.3, .3) * (W - cw), H / 2 + R.uniform(-.3, .3) * (H - ch)])
    back = ground(H, W) if photo else np.full((H, W, 3), R.choice([255, 255, 245, 20, 230]), np.uint8)
    m = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), turned.astype(np.float32))
    return cv2.warpPerspective(im, m, (W, H), dst=back, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)


def damage(im, mode):
    h, w = im.shape[:2]
    if mode == 'photo':
        light = cv2.resize(N.uniform(.6, 1.08, (4, 4)).astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR) * R.choice([1, 1, .75, .5])
        im = np.clip(im * light[..., None], 0, 255).astype(np.uint8)
        if R.random() < .5:
            im = cv2.GaussianBlur(im, (0, 0), R.uniform(.4, 1.1))
        elif R.random() < .3:
            k = R.choice([2, 3])
            im = cv2.blur(im, (k, 1) if R.random() < .5 else (1, k))
    gray = mode in ('copy', 'fax') or R.random() < .15
    if gray:
        im = cv2.cvtColor(im, cv2.COLOR_BGR2GRAY)
    noise = abs(R.gauss(0, 7 if mode == 'photo' else 4))
    if noise > 1 and mode != 'screen':
        tile = (N.standard_normal((256, 331) + im.shape[2:]) * noise).astype(np.int16)
        reps = (h // 256 + 1, w // 331 + 1) + (1,) * (im.ndim - 2)
        im = np.clip(im + np.tile(tile, reps)[:h, :w], 0, 255).astype(np.uint8)
    if mode == 'copy':
        lo, hi = R.randint(20, 70), R.randint(170, 230)
        im = np.clip((im.astype(np.int32) - lo) * 255 // (hi - lo), 0, 255).astype(np.uint8)
    if mode == 'fax':
        im = ((im > R.randint(105, 145)) * 255).astype(np.uint8)
    if mode == 'photo' and R.random() < .3:
        im = cv2.addWeighted(im, 1.6, cv2.GaussianBlur(im, (0, 0), 2), -.6, 0)
    if R.random() < .3 and mode != 'fax':
        im = cv2.imdecode(cv2.imencode('.jpg', im, [1, R.randint(55, 85)])[1], cv2.IMREAD_UNCHANGED)
    return im


def save(im, out, stem, mode, note, dpi, kind):
    png = mode in ('fax', 'screen') or R.random() < .06
    path = '%s.%s' % (stem, 'png' if png else 'jpg')
    cv2.imwrite(os.path.join(out, path), im, [] if png else [1, R.choice([40, 55, 70, 80, 90])])
    note.write('%s\t%s\t%s\t%s\n' % (path, dpi, kind, mode))


MODES = ['scan', 'scan', 'photo', 'photo', 'photo', 'copy', 'fax']


def positive(kind, out, stem, note):
    mode, dpi = R.choice(MODES), R.choice([150, 150, 200, 200, 300, 300, 400])
    dpi = max(dpi, 200) if mode == 'fax' else dpi
    im, cut = document(kind, 16)
    im = scene(shrink(im, dpi / 25.4 / 16), mode)
    save(damage(im, mode), out, stem, mode, note, dpi, cut)


def phone(out, stem, note):
    """A picture of 12 MP from a phone: the document takes a sixth to a half of its width."""
    im, cut = document(R.choice(['td1', 'td1', 'td3']), 16)
    dpi = R.choice([200, 250, 300, 400])
    im = shrink(im, dpi / 25.4 / 16)
    big = ground(3000, 4000)
    h, w = im.shape[:2]
    s = scene(im, 'photo')
    s = s[:2900, :3900]
    y, x = R.randint(0, 3000 - s.shape[0]), R.randint(0, 4000 - s.shape[1])
    big[y:y + s.shape[0], x:x + s.shape[1]] = s
    save(damage(big, 'photo'), out, stem, 'photo', note, dpi, cut)


def sheet(out, stem, note):
    dpi = R.choice([150, 200, 300])
    mm = dpi / 25.4
    page = np.full((int(297 * mm), int(210 * mm), 3), 255, np.uint8)
    y, cut, placed = int(R.uniform(10, 30) * mm), '', 0
    for k in range(R.randint(1, 4)):
        im, cut = document(R.choice(['td1', 'td1', 'td1', 'td3']), 16)
        im = shrink(im, mm / 16)
        h, w = im.shape[:2]
        if y + h > page.shape[0]:
            break
        x = R.randint(0, page.shape[1] - w)
        page[y:y + h, x:x + w] = im
        y += h + int(R.uniform(3, 15) * mm)
        placed += 1
    mode = R.choice(['scan', 'copy', 'scan', 'fax' if dpi > 150 else 'copy'])
    m = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), R.gauss(0, 1.2), 1)
    page = cv2.warpAffine(page, m, page.shape[1::-1], borderValue=(255, 255, 255))
    page = np.ascontiguousarray(np.rot90(page, R.choice([0, 0, 0, 1, 2, 3])))
    # The class tells how many there are: sheet2_00007.
    save(damage(page, mode), out, stem.replace('sheet', 'sheet%d' % placed), mode, note, dpi, cut)


def start(key):
    """A random stream of its own for each picture, so that a set can be made in parts."""
    global N
    R.seed(key)
    N = np.random.default_rng(R.getrandbits(64))
