"""Strips of proportional text in Kazakh, Russian and English, with the letter of every second point.

    words_gen.py COUNT SEED OUT.npz [held]

Case is folded, and so are letters of one shape or nearly: what is read is compared with labels and not kept. `held` draws
with the fonts that training never sees.
"""
import glob
import random
import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

H, W = 24, 320  # of a strip
S = 48  # height of a capital as it is drawn first
FOLD = dict(zip('АВЕКМНОРСТХУІЅҺЁҒҚҢӨҰҮЙЩЪ', 'ABEKMHOPCTXYISHEГKHOYYИШЬ'))
ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' + 'БГДЖЗИЛПФЦЧШЫЬЭЮЯӘ' + '/.-№'
EMPTY = len(ALPHABET)
RUSSIAN, KAZAKH, LATIN = 'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ', 'ӘҒҚҢӨҰҮҺІ', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
OFTEN = 'АЕИОНТСРВЛКМАІҚДЫБЕНТ'
D = '/usr/share/fonts/'
FONTS = {
    'train': ['truetype/dejavu/DejaVuSans*.ttf', 'truetype/dejavu/DejaVuSerif*.ttf', 'truetype/liberation*/LiberationSans-*.ttf',
              'truetype/noto/NotoSans-*.ttf', 'truetype/noto/NotoSerif-*.ttf', 'truetype/noto/NotoSansDisplay-*.ttf',
              'truetype/roboto/unhinted/RobotoTTF/*.ttf', 'truetype/roboto/unhinted/*.ttf', 'truetype/open-sans/*.ttf',
              'truetype/crosextra/*.ttf', 'opentype/linux-libertine/LinLibertine_R*.otf',
              'opentype/linux-libertine/LinLibertine_R[BZ]*.otf', 'truetype/charis/*.ttf'],
    'held': ['truetype/paratype/*.ttf', 'truetype/freefont/Free*.ttf', 'truetype/croscore/Tinos*.ttf',
             'opentype/cantarell/*.otf', 'opentype/inter/Inter-[RBM]*.otf'],
}
ODD = ('Thin', 'ExtraLight', 'Hairline', 'Black', 'Mono', 'Variable', 'VF', 'PTM', 'Light')
WORDS = '''ҚАЗАҚСТАН РЕСПУБЛИКАСЫ РЕСПУБЛИКА КАЗАХСТАН ЖЕКЕ КУӘЛІК УДОСТОВЕРЕНИЕ ЛИЧНОСТИ ТЕГІ ФАМИЛИЯ АТЫ ИМЯ ӘКЕСІНІҢ ОТЧЕСТВО
ТУҒАН КҮНІ ДАТА РОЖДЕНИЯ ЖСН ИИН ЖЫНЫСЫ ПОЛ МЕСТО ЖЕРІ ҰЛТЫ НАЦИОНАЛЬНОСТЬ АЗАМАТТЫҒЫ ГРАЖДАНСТВО БЕРГЕН ОРГАН ВЫДАЧИ БЕРІЛГЕН
ҚОЛДАНЫЛУ МЕРЗІМІ СРОК ДЕЙСТВИЯ МВД ІІМ СВИДЕТЕЛЬСТВО О РОЖДЕНИИ СМЕРТИ ЗАКЛЮЧЕНИИ РАСТОРЖЕНИИ БРАКА ТУУ ТУРАЛЫ КУӘЛІК НЕКЕ ҚИЮ БҰЗУ
ҚАЙТЫС БОЛУ ПАСПОРТ ВОДИТЕЛЬСКОЕ ЖҮРГІЗУШІ КУӘЛІГІ ВИД НА ЖИТЕЛЬСТВО ЫҚТИЯРХАТ ҚОЛЫ ПОДПИСЬ ЗАГС АХАЖ ТІРКЕУ РЕГИСТРАЦИИ ОТДЕЛ
ЛИЦО БЕЗ ГРАЖДАНСТВА АЗАМАТТЫҒЫ ЖОҚ АДАМНЫҢ МАТЬ ОТЕЦ АНАСЫ ӘКЕСІ АКТОВАЯ ЗАПИСЬ IDENTITY CARD PASSPORT SURNAME GIVEN NAMES
DATE OF BIRTH NATIONALITY АНКЕТА ЗАЯВЛЕНИЕ ДОГОВОР ӨТІНІШ САУАЛНАМА ШАРТ СОГЛАСИЕ СПРАВКА'''.split()


def fonts(which):
    """The fonts that know every letter that is drawn."""
    found = []
    for path in sorted({f for p in FONTS[which] for f in glob.glob(D + p)}):
        if any(odd in path.rsplit('/')[-1] for odd in ODD):
            continue
        face = ImageFont.truetype(path, 40)
        none = bytes(face.getmask('\uffff'))
        if all(bytes(face.getmask(c)) != none for c in RUSSIAN + KAZAKH + (RUSSIAN + KAZAKH).lower() + '№'):
            found.append(path)
    return found


_faces, _glyphs = {}, {}


def glyph(path, ch):
    """A letter on black, the top of capitals 20 points below the edge, and how far it is to the next."""
    if path not in _faces:
        box = ImageFont.truetype(path, S).getbbox('H')
        face = ImageFont.truetype(path, int(S * S / (box[3] - box[1])))
        _faces[path] = face, face.getbbox('H')[1]
    if (path, ch) not in _glyphs:
        face, top = _faces[path]
        advance = face.getlength(ch)
        im = Image.new('L', (int(advance) + 24, S + 40), 0)
        ImageDraw.Draw(im).text((12, 20 - top), ch, fill=255, font=face)
        _glyphs[path, ch] = np.asarray(im), advance
    return _glyphs[path, ch]


def word():
    q = random.random()
    if q < .3:
        return random.choice(WORDS)
    if q < .62:
        return ''.join(random.choice(RUSSIAN + KAZAKH * 2 + OFTEN) for _ in range(random.randint(1, 11)))
    if q < .85:
        return ''.join(random.choice('0123456789') for _ in range(random.choice([1, 2, 4, 6, 9, 12, 12])))
    if q < .93:
        return ''.join(random.choice(LATIN) for _ in range(random.randint(2, 8)))
    return random.choice('/./-№')


def text():
    case = random.choices([str.upper, str.lower, str.title], [6, 2.5, 2])[0]
    out, long = '', random.choice([60, 60, 60, 8, 14, 22])
    while len(out) < long:
        out += case(word()) + random.choice(['', ' ', ' ', ' ', ' ', '  ', '    '])
    return out, case is not str.upper


def draw(path):
    """A line on a canvas three times as large, and its labels."""
    said, small = text()
    # What is cut out is scaled by the size of its letters: small ones make large capitals.
    cap = min(20, max(10.5, random.gauss(16.5, 1.8))) if small else min(18.5, max(10, random.gauss(14.3, 1.7)))
    k, x = cap / S, random.uniform(-8, 30)
    spacing, squeeze = random.uniform(.95, 1.15) * random.choice([1, 1, 1, 1.15]), random.uniform(.8, 1.12)
    big = np.zeros((H * 3 + 24, W * 3 + 60), np.float32)
    labels = np.full(W // 2, EMPTY, np.int64)
    middle, slope, z = H * 1.5 + 12 + random.gauss(0, 4), random.gauss(0, .012), 3 * k
    slant = random.gauss(0, .04)
    if small:
        middle -= random.uniform(0, 6)
    for ch in said:
        g, advance = glyph(path, ch)
        a = advance * k * spacing * squeeze
        cx = x + a / 2
        x += a
        if cx > W - 4:
            break
        if ch == ' ':
            continue
        gs = cv2.resize(g, (max(1, int(g.shape[1] * z * squeeze)), max(1, int(g.shape[0] * z))), interpolation=cv2.INTER_AREA)
        h, w = gs.shape
        px, py = int(round(cx * 3 + 30 - w / 2)), int(round(middle + slope * (cx - W / 2) * 3 - (20 + S / 2) * z))
        if px < 0 or px + w > big.shape[1]:
            continue
        y0, y1 = max(0, py), min(big.shape[0], py + h)
        if y1 <= y0:
            continue
        big[y0:y1, px:px + w] = np.maximum(big[y0:y1, px:px + w], gs[y0 - py:y1 - py])
        upper = ch.upper()
        c, reach = ALPHABET.find(FOLD.get(upper, upper)), max(1.0, .2 * a)
        for t in range(max(0, int((cx - reach) / 2) - 1), min(len(labels), int((cx + reach) / 2) + 2)):
            if abs((t + .5) * 2 - cx) <= reach:
                labels[t] = c if c >= 0 else EMPTY
    if abs(slant) > .02:
        m = np.float32([[1, -slant, slant * big.shape[0] / 2], [0, 1, 0]])
        big = cv2.warpAffine(big, m, big.shape[1::-1])
    if random.random() < .25:  # the line above or below
        row = random.choice([random.randint(0, 14), random.randint(H * 3 + 8, H * 3 + 22)])
        for at in range(0, big.shape[1], int(cap * 2.4)):
            if random.random() < .75:
                cv2.rectangle(big, (at, row - 6), (at + int(cap * 1.6), row + 6), 255, 3)
    return big, labels


def sample(faces):
    big, labels = draw(random.choice(faces))
    r = random.random()
    if r < .18:
        big = cv2.dilate(big, np.ones((random.choice([2, 3, 4]),) * 2))
    elif r < .32:
        big = cv2.erode(big, np.ones((2, 2)))
    if random.random() < .65:
        big = cv2.GaussianBlur(big, (0, 0), random.uniform(.5, 4.2))
    crop = big[12:12 + H * 3, 30:30 + W * 3]
    if random.random() < .65:
        q = random.uniform(.42, 1.3) / 3
        low = cv2.resize(crop, (max(8, int(W * 3 * q)), max(6, int(H * 3 * q))), interpolation=cv2.INTER_AREA)
        if random.random() < .25:
            low = low + np.random.randn(*low.shape).astype(np.float32) * random.uniform(5, 25)
        if random.random() < .18:  # a fax
            low = np.where(low > random.uniform(70, 170), 255, 0).astype(np.float32)
        im = cv2.resize(low, (W, H), interpolation=cv2.INTER_LINEAR)
    else:
        im = cv2.resize(crop, (W, H), interpolation=cv2.INTER_AREA)
    bg = random.uniform(90, 255)
    fg = max(0, bg - random.uniform(40, 230))
    out = bg + (fg - bg) * im / 255
    if random.random() < .06:  # light letters on a dark ground
        out = 255 - out
    if random.random() < .5:
        t = np.random.randn(random.randint(2, 8), random.randint(4, 40)).astype(np.float32)
        out = out + cv2.resize(t, (W, H), interpolation=cv2.INTER_CUBIC) * random.uniform(2, 16)
    if random.random() < .35:
        for _ in range(random.randint(1, 5)):
            ends = (random.randint(-50, W), random.randint(-20, H + 20)), (random.randint(0, W + 50), random.randint(-20, H + 20))
            cv2.line(out, *ends, float(bg - random.uniform(5, 60)), 1, cv2.LINE_AA)
    out = np.clip(out + np.random.randn(H, W) * abs(random.gauss(0, 8)), 0, 255).astype(np.uint8)
    if random.random() < .5:
        out = cv2.imdecode(cv2.imencode('.jpg', out, [1, random.randint(30, 85)])[1], 0)
    return out, labels


if __name__ == '__main__':
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    np.random.seed(seed)
    cv2.setNumThreads(1)
    faces = fonts('held' if sys.argv[4:] else 'train')
    print(len(faces), 'fonts')
    X, Y = np.zeros((count, H, W), np.uint8), np.zeros((count, W // 2), np.uint8)
    for i in range(count):
        X[i], Y[i] = sample(faces)
    np.savez(sys.argv[3], X=X, Y=Y)
    if seed == 1:
        cv2.imwrite('words.png', np.vstack(list(X[:40])))
