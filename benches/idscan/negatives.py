"""Pictures that hold no identity document, and look as much as possible as if: text of one pitch, `<<<`, faces, cards."""
import cv2
import numpy as np
from PIL import Image, ImageDraw

import second as s
from second import BOLD, MONO, SANS, SERIF, SYL, font

R = s.R
WORDS = ('договор стороны исполнитель заказчик услуги срок оплата акт приложение шарт тараптар міндеттер төлем қызмет мерзім '
         'the agreement parties shall payment notice invoice total delivery account ЖШС ТОО Алматы Астана банк кредит заём').split()
LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
DIGITS = '0123456789'


def some(alphabet, n):
    return ''.join(R.choice(alphabet) for _ in range(n))


def words(n):
    return ' '.join(R.choice(WORDS) for _ in range(n))


def paper(w, h, shade=255):
    im = Image.new('RGB', (w, h), (shade,) * 3)
    return im, ImageDraw.Draw(im)


def done(im, modes):
    return np.asarray(im)[..., ::-1].copy(), R.choice(modes)


SCAN = ['scan', 'scan', 'copy', 'fax', 'photo']


def page():
    k = R.choice([6, 8, 8, 11.8])
    return int(210 * k), int(297 * k), k


def lines(d, x, y, step, limit, make, f, fill=(20, 20, 20)):
    while y < limit:
        d.text((x, y), make(), font=f, fill=fill)
        y += step
    return y


def contract(_):
    w, h, k = page()
    im, d = paper(w, h)
    f = font(R.choice(SERIF + SANS), R.uniform(3.2, 4.6) * k)
    d.text((50 * k, 14 * k), 'ШАРТ / ДОГОВОР № %d' % R.randint(1, 9999), font=font(R.choice(BOLD), 5 * k), fill=(0, 0, 0))
    y = lines(d, 20 * k, 30 * k, R.uniform(5.2, 7.5) * k, R.uniform(150, 260) * k, lambda: words(R.randint(6, 10)), f)
    d.text((20 * k, y), 'удостоверение личности № %s, ИИН %s' % (some(DIGITS, 9), some(DIGITS, 12)), font=f, fill=(0, 0, 0))
    d.text((20 * k, y + 8 * k), 'ИИК KZ%s  БИК %sKZKA' % (some(DIGITS, 18), some(LETTERS, 4)), font=f, fill=(0, 0, 0))
    return done(im, SCAN)


def typewriter(_):
    """A contract or a statement in letters of one pitch: every line passes for a line of a zone."""
    w, h, k = page()
    im, d = paper(w, h)
    f = font(R.choice(MONO[:4]), R.uniform(3.6, 4.4) * k)
    row = lambda: R.choice([words(6)[:44].upper(), words(6)[:36], some(DIGITS, 8) + '  ' + some(LETTERS, 6) + ' ' + some(DIGITS, 10), '-' * 44,
                            'KZ' + some(DIGITS, 18) + ' ' + some(DIGITS, 9), some(DIGITS + LETTERS, R.choice([30, 36, 44]))])
    lines(d, 20 * k, 20 * k, R.uniform(5, 7) * k, R.uniform(120, 280) * k, row, f)
    return done(im, SCAN)


def table(_):
    w, h, k = page()
    im, d = paper(w, h)
    f, rows, cols = font(R.choice(SANS + MONO[:2]), 3.2 * k), R.randint(10, 40), R.randint(3, 8)
    for r in range(rows + 1):
        d.line((12 * k, (30 + r * 6) * k, 198 * k, (30 + r * 6) * k), fill=(80, 80, 80), width=1)
    for c in range(cols + 1):
        x = (12 + c * 186 / cols) * k
        d.line((x, 30 * k, x, (30 + rows * 6) * k), fill=(80, 80, 80), width=1)
        for r in range(rows):
            if c < cols:
                d.text((x + k, (31 + r * 6) * k), R.choice([some(DIGITS, R.randint(1, 12)), R.choice(WORDS), '%.2f' % R.uniform(0, 99999)]), font=f, fill=(0, 0, 0))
    return done(im, SCAN)


CODE = ['let bits = value << 3 | low << 1;', '<<' + '<<<<< HEAD', '=======', '>>>>>' + '>> main', 'std::cout << a << b << std::endl;', 'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<',
        'template<class T> Vec<Vec<Option<T>>>', 'cat <<EOF >> /etc/hosts', 'assert_eq!(check("L898902C3"), 6);', 'I<KAZ = state(line[2..5])']


def code(_):
    w, h = R.choice([(1920, 1080), (1280, 800), (1440, 900), (2560, 1440)])
    dark = R.random() < .5
    im, d = paper(w, h, 28 if dark else 252)
    f = font(R.choice(MONO), R.choice([14, 15, 17, 20, 24, 30]))
    fills = [(210, 210, 210), (130, 200, 240), (160, 220, 140)] if dark else [(30, 30, 30), (140, 40, 20), (20, 90, 160)]
    y = 10
    while y < h - 40:
        text = R.choice(CODE + [some('0123456789ABCDEF', 44), some(LETTERS + LETTERS.lower() + DIGITS + '+/', 44), some('ACGT', 36), '<' * R.choice([30, 36, 44]), some(LETTERS + '<' * 12, 44)])
        d.text((R.choice([10, 40, 70]), y), text, font=f, fill=R.choice(fills))
        y += int(f.size * 1.45)
    return done(im, ['screen', 'screen', 'photo'])


def receipt(_):
    n = R.randint(18, 50)
    im, d = paper(600, n * 32 + 100, 250)
    f = font(R.choice(MONO), R.choice([22, 24, 26]))
    rows = lambda: R.choice([words(3).upper()[:26] + ' %d.00' % R.randint(10, 9999), '<' * R.randint(24, 34), '*' * 32, '=' * 32, 'ФП %s' % some(DIGITS, 12),
                             'РНМ ' + some(DIGITS, 12), 'ИТОГО' + '<' * 12 + '%d' % R.randint(100, 99999), some(DIGITS, 16), some(DIGITS + '<<<', 32)])
    lines(d, 20, 40, 32, n * 32, rows, f, (40, 40, 40))
    return done(im, ['scan', 'photo', 'photo', 'copy'])


def boarding(_):
    im, d = paper(1700, 720, 246)
    f = font(R.choice(MONO), R.choice([30, 34, 38]))
    last = ''.join(R.choice(SYL) for _ in range(3))
    text = ['BOARDING PASS KC%d ALA NQZ' % R.randint(100, 999), last + '<<' + ''.join(R.choice(SYL) for _ in range(2)) + '<' * R.randint(4, 16), 'SEQ %s SEAT %dA' % (some(DIGITS, 3), R.randint(1, 40)),
            'M1' + last + '/MR  E%s ALANQZKC %s' % (some(LETTERS, 6), some(DIGITS, 14)), '>' * 30, 'ETKT ' + some(DIGITS, 13) + '<' * 18, some(LETTERS + DIGITS, 36)]
    R.shuffle(text)
    for i, t in enumerate(text):
        d.text((50, 50 + i * 88), t, font=f, fill=(20, 20, 30))
    return done(im, ['screen', 'photo', 'scan'])


def card(ground):
    im, d = paper(1150, 725)
    d.rectangle((0, 0, 1150, 725), fill=ground)
    return im, d


def bank(_):
    im, d = card(R.choice([(90, 40, 20), (40, 30, 140), (30, 110, 50), (40, 40, 40)]))
    light, f = (225, 225, 225), R.choice(MONO)
    d.rectangle((90, 230, 230, 340), fill=(90, 170, 200))
    d.text((90, 390), ' '.join(some(DIGITS, 4) for _ in range(4)), font=font(f, 72), fill=light)
    d.text((90, 590), ''.join(R.choice(SYL) for _ in range(5)), font=font(f, 46), fill=light)
    d.text((560, 510), '%s/%s' % (some('01', 2), some(DIGITS, 2)), font=font(f, 40), fill=light)
    return done(im, ['photo', 'scan', 'copy'])


def badge(_):
    im, d = paper(730, 1150, R.choice([255, 235, 220]))
    s.face(d, 190, 170, 350, 430)
    d.text((150, 40), R.choice(['ПРОПУСК', 'STAFF', 'ҚЫЗМЕТКЕР']), font=font(R.choice(BOLD), 80), fill=(30, 40, 120))
    for i in range(3):
        d.text((120, 730 + i * 90), ''.join(R.choice(SYL) for _ in range(4)), font=font(R.choice(BOLD + SANS), 54), fill=(20, 20, 20))
    d.text((120, 1040), 'ID ' + some(DIGITS, 8) + '<' * R.choice([0, 0, 6]), font=font(R.choice(MONO), 46), fill=(20, 20, 20))
    return done(im, ['photo', 'scan', 'copy', 'screen'])


def barcode(_):
    im, d = paper(1300, 800)
    x = 60
    while x < 1200:
        w = R.choice([3, 6, 9])
        d.rectangle((x, 60, x + w, 420), fill=(0, 0, 0))
        x += w + R.choice([3, 6, 9])
    for i in range(R.randint(1, 3)):
        d.text((60, 450 + i * 80), some(DIGITS + R.choice(['', LETTERS, '<']), R.choice([13, 20, 30, 36, 44])), font=font(R.choice(MONO), 40), fill=(0, 0, 0))
    return done(im, SCAN)


def photo(_):
    h, w = R.choice([(900, 1200), (1200, 1600), (1500, 2000)])
    im = s.ground(h, w)
    for _ in range(R.randint(5, 60)):
        c = tuple(R.randint(0, 255) for _ in range(3))
        p = (R.randint(0, w), R.randint(0, h))
        if R.random() < .5:
            cv2.ellipse(im, p, (R.randint(5, 300), R.randint(5, 300)), R.uniform(0, 180), 0, 360, c, -1, cv2.LINE_AA)
        else:
            cv2.line(im, p, (R.randint(0, w), R.randint(0, h)), c, R.randint(1, 30), cv2.LINE_AA)
    if R.random() < .3:  # a fence, tiles, a keyboard: things of one pitch
        pitch, size, x0, y0 = R.randint(18, 60), R.uniform(.3, .8), R.randint(0, 100), R.randint(0, h // 2)
        for r in range(R.randint(1, 8)):
            for q in range(R.randint(14, 50)):
                x, y = x0 + q * pitch, y0 + int(r * pitch * 1.4)
                cv2.rectangle(im, (x, y), (x + int(pitch * size), y + int(pitch * size * 1.2)), (30, 30, 30), R.choice([-1, 2]))
    return im, 'photo'


def broken(_):
    """Zones of the right form whose check digits do not hold, in a text: nobody's document."""
    w, h, k = page()
    im, d = paper(w, h)
    f = font(R.choice(SERIF + SANS), 4 * k)
    y = lines(d, 20 * k, 20 * k, 6 * k, 90 * k, lambda: words(9), f)
    arr = np.array(im)[..., ::-1].copy()
    kind = R.choice(['td1', 'td3', 'td2'])
    text = s.mrz(kind, s.person())
    text = [''.join(R.choice([c for c in DIGITS if c != ch]) if ch in DIGITS and R.random() < .5 else ch for ch in line) for line in text]
    if R.random() < .3:
        text = [some(LETTERS + DIGITS + '<<<<', len(text[0])) for _ in text]
    s.zone(arr, text, 25, y / k + 8, k, 5, (20, 20, 20))
    im = Image.fromarray(arr[..., ::-1])
    lines(ImageDraw.Draw(im), 20 * k, y + 40 * k, 6 * k, 220 * k, lambda: words(9), f)
    return done(im, SCAN)


def keys(_):
    """Licence keys, serial numbers, lists of accounts: groups of capitals and digits of one pitch."""
    w, h, k = page()
    im, d = paper(w, h)
    f = font(R.choice(MONO), R.uniform(3.8, 5) * k)
    form = R.choice([lambda: '-'.join(some(LETTERS + DIGITS, 5) for _ in range(5)), lambda: 'KZ' + some(DIGITS, 2) + some(LETTERS, 3) + some(DIGITS, 13), lambda: some(DIGITS, 12) + '<<' + some(LETTERS, 14),
                     lambda: some(LETTERS, 2) + some(DIGITS, 7) + '<' * 3 + some(DIGITS, 18), lambda: 'VIN ' + some(LETTERS + DIGITS, 17) + ' ' + some(DIGITS, 10)])
    lines(d, 20 * k, 25 * k, R.uniform(6, 10) * k, R.uniform(60, 270) * k, form, f)
    return done(im, SCAN)


NEGATIVES = {f.__name__: f for f in (contract, typewriter, table, code, receipt, boarding, bank, badge, barcode, photo, broken, keys)}
