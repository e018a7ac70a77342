"""What has no machine-readable zone, in the second style: fronts of cards, certificates, and papers that name the same things.

Only with fonts that the training of the reader of labels never saw. Every person is made up.
"""
import glob
import os

import cv2
import numpy as np
from PIL import Image, ImageDraw

import second as s
from second import face, font, waves

R = s.R
D = '/usr/share/fonts/'
FACES = [(D + r, D + b) for r, b in (
    ('truetype/paratype/PTS55F.ttf', 'truetype/paratype/PTS75F.ttf'), ('truetype/paratype/PTN57F.ttf', 'truetype/paratype/PTN77F.ttf'),
    ('truetype/paratype/PTC55F.ttf', 'truetype/paratype/PTC75F.ttf'), ('truetype/paratype/PTF55F.ttf', 'truetype/paratype/PTF75F.ttf'),
    ('truetype/freefont/FreeSans.ttf', 'truetype/freefont/FreeSansBold.ttf'), ('truetype/freefont/FreeSerif.ttf', 'truetype/freefont/FreeSerifBold.ttf'),
    ('truetype/croscore/Tinos-Regular.ttf', 'truetype/croscore/Tinos-Bold.ttf'),
    ('opentype/cantarell/Cantarell-Regular.otf', 'opentype/cantarell/Cantarell-Bold.otf'),
    ('opentype/inter/Inter-Regular.otf', 'opentype/inter/Inter-Bold.otf')) if os.path.exists(D + r)]
assert FACES and glob.glob(D + 'truetype/paratype/*')
SURNAMES = 'ТІЛЕУБЕРДИЕВ ҚОЖАХМЕТОВА СМАҒҰЛОВ ЕСЕНГЕЛДІ БОРОВКОВА ЦОЙ НҰРПЕЙІСОВА МЕЛЬНИЧУК ӨТЕГЕНОВ ШАЙМЕРДЕНОВА ҒАББАСОВ ЮСУПОВ ЖАҚСЫЛЫҚОВА'.split()
NAMES = 'ҚУАНЫШ ГҮЛЖАН ВИКТОРИЯ ӘДІЛЕТ МЕДЕУ ӨРКЕН ЖАНСАЯ ФАРИДА ЭДУАРД ҰЛБОСЫН ШЫНҒЫС ЛЮДМИЛА'.split()
FATHERS = 'ЖЕҢІСҰЛЫ ҚАНАТҚЫЗЫ ВЛАДИМИРОВНА ӨМІРБЕКҰЛЫ ФЁДОРОВИЧ ТОҚТАРҚЫЗЫ'.split()
TOWNS = 'ОРАЛ|ПАВЛОДАР|ЖАМБЫЛ ОБЛЫСЫ|СЕМЕЙ|ҚЫЗЫЛОРДА|КОКШЕТАУ|АТЫРАУ ҚАЛАСЫ'.split('|')
COUNTRY = 'ҚАЗАҚСТАН РЕСПУБЛИКАСЫ', 'РЕСПУБЛИКА КАЗАХСТАН'
CARDS = {'front': [('ЖЕКЕ КУӘЛІК', 'УДОСТОВЕРЕНИЕ ЛИЧНОСТИ')],
         'licence': [('ЖҮРГІЗУШІ КУӘЛІГІ', 'ВОДИТЕЛЬСКОЕ УДОСТОВЕРЕНИЕ')],
         'permit': [('ТҰРУҒА ЫҚТИЯРХАТ', 'ВИД НА ЖИТЕЛЬСТВО'), ('АЗАМАТТЫҒЫ ЖОҚ АДАМНЫҢ КУӘЛІГІ', 'УДОСТОВЕРЕНИЕ ЛИЦА БЕЗ ГРАЖДАНСТВА')]}
PAPERS = [('ТУУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О РОЖДЕНИИ'), ('НЕКЕ ҚИЮ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О ЗАКЛЮЧЕНИИ БРАКА'),
          ('НЕКЕНІ БҰЗУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О РАСТОРЖЕНИИ БРАКА'), ('ҚАЙТЫС БОЛУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О СМЕРТИ')]


def digits(n):
    return ''.join(R.choice('0123456789') for _ in range(n))


def day():
    return '%02d.%02d.%d' % (R.randint(1, 28), R.randint(1, 12), R.randint(1950, 2020))


def iin():
    while True:
        head = '%02d%02d%02d%d%s' % (R.randint(0, 99), R.randint(1, 12), R.randint(1, 28), R.randint(3, 6), digits(4))
        k = sum(int(c) * (i + 1) for i, c in enumerate(head)) % 11
        if k < 10:
            return head + str(k)


def surname():
    return R.choice(SURNAMES)


FIELDS = {
    'surname': ('ТЕГІ', 'ФАМИЛИЯ', surname), 'name': ('АТЫ', 'ИМЯ', lambda: R.choice(NAMES)), 'father': ('ӘКЕСІНІҢ АТЫ', 'ОТЧЕСТВО', lambda: R.choice(FATHERS)),
    'birth': ('ТУҒАН КҮНІ', 'ДАТА РОЖДЕНИЯ', day), 'sex': ('ЖЫНЫСЫ', 'ПОЛ', lambda: R.choice(['Ә/Ж', 'Е/М'])), 'iin': ('ЖСН', 'ИИН', iin),
    'place': ('ТУҒАН ЖЕРІ', 'МЕСТО РОЖДЕНИЯ', lambda: R.choice(TOWNS)), 'nation': ('ҰЛТЫ', 'НАЦИОНАЛЬНОСТЬ', lambda: R.choice(['ҚАЗАҚ', 'РУССКАЯ', 'КОРЕЕЦ'])),
    'citizen': ('АЗАМАТТЫҒЫ', 'ГРАЖДАНСТВО', lambda: 'ҚАЗАҚСТАН'), 'issued': ('БЕРІЛГЕН КҮНІ', 'ДАТА ВЫДАЧИ', day), 'until': ('ҚОЛДАНУ МЕРЗІМІ', 'СРОК ДЕЙСТВИЯ', day),
    'organ': ('БЕРГЕН ОРГАН', 'ОРГАН ВЫДАЧИ', lambda: 'ҚР ІІМ / МВД РК'), 'zags': ('ТІРКЕУ ОРНЫ', 'МЕСТО РЕГИСТРАЦИИ', lambda: R.choice(['АХАЖ бөлімі', 'отдел ЗАГС ' + R.choice(TOWNS)])),
    'mother': ('АНАСЫ', 'МАТЬ', surname), 'dad': ('ӘКЕСІ', 'ОТЕЦ', surname),
}


def case(style, text):
    return text if style == 'upper' else text.capitalize() if style == 'title' else text.lower()


def put(d, x, y, text, path, size, fill, spread=0.0):
    """Text with letters `spread` points further apart; where it ends."""
    f = font(path, size)
    if not spread:
        d.text((x, y), text, font=f, fill=fill)
        return x + f.getlength(text)
    for ch in text:
        d.text((x, y), ch, font=f, fill=fill)
        x += f.getlength(ch) + spread
    return x


def middle(d, x, y, text, path, size, fill):
    d.text((x - font(path, size).getlength(text) / 2, y), text, font=font(path, size), fill=fill)


def card(kind, mm=16):
    """The front of a card."""
    w, h = int(85.6 * mm), int(54 * mm)
    ground = R.choice([(240, 236, 228), (222, 232, 240), (230, 240, 226), (214, 220, 232), (244, 240, 250), (206, 222, 216)])
    im = np.full((h, w, 3), ground, np.uint8)
    waves(im)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    plain, bold = R.choice(FACES)
    ink, head = R.choice([(20, 20, 20), (60, 30, 20), (30, 30, 80)]), R.choice([(110, 60, 20), (90, 80, 10), (30, 30, 120), (30, 30, 30)])
    title, em, y = R.choice(CARDS[kind]), R.uniform(2.5, 3.1) * mm, R.uniform(1.6, 2.6) * mm
    if R.random() < .5:
        for text in (' / '.join(COUNTRY), ' / '.join(title)):
            size = min(em, em * 78 * mm / font(bold, em).getlength(text))
            middle(d, w / 2, y, text, bold, size, head)
            y += em * 1.35
    else:
        for text in (*COUNTRY, *title):
            size = min(em, em * 78 * mm / font(bold, em).getlength(text))
            middle(d, w / 2, y, text, bold, size * .95, head)
            y += em * 1.16
    left = R.random() < .6
    px = 4 * mm if left else w - 28 * mm
    top = y + 1 * mm
    face(d, px, top, 23 * mm, min(27 * mm, (h - top) / 1.35))
    x, small, big = (31 * mm if left else 4 * mm), R.uniform(1.75, 2.25) * mm, R.uniform(2.7, 3.2) * mm
    style, spread = R.choices(['upper', 'title'], [4, 1])[0], R.choice([0, 0, .06]) * small
    order = ['surname', 'name', 'father', 'birth'] + R.choice([[], ['sex']]) + ['iin']
    if kind == 'licence':
        order = ['surname', 'name', 'birth', 'issued', 'until', 'iin']
    row = (h - 2 * mm - top) / len(order)
    gray = R.choice([(90, 90, 90), (60, 60, 70), (110, 80, 60)])
    for i, field in enumerate(order):
        kazakh, russian, value = FIELDS[field]
        label = case(style, kazakh) + R.choice(['/', ' / ']) + case(style, russian)
        if kind == 'licence' and R.random() < .7:
            label = '%d. %s' % (i + 1, label)
        at = top + i * row
        put(d, x, at, label, plain, small, gray, spread)
        put(d, x, at + small * 1.1, value(), bold, min(big, (row - small * 1.15) / 1.1), ink)
    return np.array(pil)


def paper(mm=11.8):
    """A certificate of the registry office."""
    size = R.choice([(210, 297), (148, 210), (210, 148)])
    k = mm * (1.25 if size != (210, 297) else 1)
    scale = {(210, 297): 1, (148, 210): .72, (210, 148): .72}[size]
    w, h = int(size[0] * k), int(size[1] * k)
    im = np.full((h, w, 3), R.choice([(250, 250, 248), (236, 246, 250), (240, 248, 236)]), np.uint8)
    if R.random() < .6:
        waves(im)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    edge = int(R.uniform(5, 10) * k)
    for j in range(R.randint(1, 3)):
        d.rectangle((edge + j * 6, edge + j * 6, w - edge - j * 6, h - edge - j * 6), outline=(120, 150, 60), width=2)
    plain, bold = R.choice(FACES)
    em, y = R.uniform(5.5, 7.5) * scale * k, (18 * scale + 6) * k
    kazakh, russian = R.choice(PAPERS)
    for text, grade in ((COUNTRY[0], .8), (COUNTRY[1], .8), (kazakh, 1), (russian, 1)):
        at = min(em * grade, em * grade * (w - 4 * edge) / font(bold, em * grade).getlength(text))
        middle(d, w / 2, y, text, bold, at, (60, 30, 30))
        y += at * 1.5
    style = R.choices(['upper', 'title', 'lower'], [2, 3, 1])[0]
    order = ['surname', 'name', 'father', 'birth', 'place'] + R.choice([[], ['nation']]) + R.choice([['mother', 'dad'], ['citizen'], []]) + ['zags', 'issued'] + R.choice([[], ['iin']])
    small, big = R.uniform(3.2, 4.2) * scale * k, R.uniform(4.2, 5.4) * scale * k
    row, beside = (h - edge * 2 - y - 12 * scale * k) / len(order), R.random() < .4
    x = edge + R.uniform(6, 16) * scale * k
    for i, field in enumerate(order):
        kz, ru, value = FIELDS[field]
        label, at = case(style, kz) + R.choice(['/', ' / ']) + case(style, ru), y + i * row
        end = put(d, x, at, label, plain, small, (70, 70, 70))
        put(d, end + 5 * k if beside else x, at - (big - small) if beside else at + small * 1.15, value(), bold, big, (20, 20, 40))
    d.text((x, h - edge - 9 * scale * k), '№ ' + digits(7), font=font(bold, big), fill=(20, 20, 160))
    return np.array(pil)


def positive(kind, out, stem, note):
    mode, dpi = R.choice(s.MODES), R.choice([150, 150, 200, 200, 300, 300])
    dpi = max(dpi, 200) if mode == 'fax' else dpi
    if kind == 'certificate':
        im = paper()
        im = s.shrink(im, dpi / 300)
    else:
        im = s.shrink(card(kind), dpi / 25.4 / 16)
    s.save(s.damage(s.scene(im, mode), mode), out, stem, mode, note, dpi, kind)


def copies(out, stem, note):
    """A sheet of A4 with the two sides of one card."""
    dpi = R.choice([150, 200, 300])
    mm = dpi / 25.4
    page = np.full((int(297 * mm), int(210 * mm), 3), 255, np.uint8)
    y = int(R.uniform(10, 40) * mm)
    sides = [s.shrink(card('front'), mm / 16)] + ([s.shrink(s.document('td1', 16)[0], mm / 16)] if stem.startswith('copies') else [])
    for im in sides:
        x = R.randint(0, page.shape[1] - im.shape[1])
        page[y:y + im.shape[0], x:x + im.shape[1]] = im
        y += im.shape[0] + int(R.uniform(4, 20) * mm)
    mode = R.choice(['scan', 'copy', 'scan', 'fax' if dpi > 150 else 'copy'])
    m = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), R.gauss(0, 1.2), 1)
    page = np.ascontiguousarray(np.rot90(cv2.warpAffine(page, m, page.shape[1::-1], borderValue=(255, 255, 255)), R.choice([0, 0, 0, 1, 2, 3])))
    s.save(s.damage(page, mode), out, stem, mode, note, dpi, 'front')


LABELLED = {'front': positive, 'licence': positive, 'permit': positive, 'certificate': positive,
            'copies': lambda kind, *rest: copies(*rest), 'single': lambda kind, *rest: copies(*rest)}

# ---- what names the same things and is no document
SCAN = ['scan', 'scan', 'copy', 'fax', 'photo']
FORMS = [('АНКЕТА', 'САУАЛНАМА'), ('ЗАЯВЛЕНИЕ', 'ӨТІНІШ'), ('ЗАЯВЛЕНИЕ-АНКЕТА НА ПОЛУЧЕНИЕ МИКРОКРЕДИТА', 'МИКРОКРЕДИТ АЛУҒА ӨТІНІШ'), ('СОГЛАСИЕ НА СБОР И ОБРАБОТКУ ПЕРСОНАЛЬНЫХ ДАННЫХ', 'ДЕРБЕС ДЕРЕКТЕРДІ ЖИНАУҒА КЕЛІСІМ'),
         ('ЛИЧНЫЙ ЛИСТОК ПО УЧЕТУ КАДРОВ', 'КАДРЛАРДЫ ЕСЕПКЕ АЛУ ПАРАҒЫ'), ('КАРТОЧКА КЛИЕНТА', 'КЛИЕНТТІҢ КАРТОЧКАСЫ'), ('ЗАЯВЛЕНИЕ НА ВЫДАЧУ УДОСТОВЕРЕНИЯ ЛИЧНОСТИ', 'ЖЕКЕ КУӘЛІК БЕРУ ТУРАЛЫ ӨТІНІШ'),
         ('СПРАВКА', 'АНЫҚТАМА'), ('', '')]


def sheet(k=None):
    k = k or R.choice([6, 8, 8, 11.8])
    im = Image.new('RGB', (int(210 * k), int(297 * k)), (255, 255, 255))
    return im, ImageDraw.Draw(im), k


def done(im, modes):
    return np.asarray(im)[..., ::-1].copy(), R.choice(modes)


def form(filled):
    """An application form: every label of a document, under another title."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    ru, kz = R.choice(FORMS)
    y, two = 15 * k, R.random() < .5
    if R.random() < .35:
        for text in COUNTRY:
            middle(d, 105 * k, y, text, bold, 4.5 * k, (0, 0, 0))
            y += 7 * k
    for text in (kz, ru) if two else (ru,):
        size = min(6 * k, 6 * k * 180 * k / max(1, font(bold, 6 * k).getlength(text)))
        middle(d, 105 * k, y, text, bold, size, (0, 0, 0))
        y += 9 * k
    y += 6 * k
    order = ['surname', 'name', 'father', 'birth', 'iin', 'sex', 'place', 'citizen', 'nation']
    order = order[:R.randint(5, 9)] + ['id'] + R.choice([[], ['issued', 'organ', 'until']])
    style, size, row = R.choice(['upper', 'title']), R.uniform(3.2, 4.6) * k, R.uniform(10, 17) * k
    for field in order:
        a, b, value = FIELDS.get(field, ('ЖЕКЕ КУӘЛІК', 'УДОСТОВЕРЕНИЕ ЛИЧНОСТИ', lambda: digits(9)))
        number = R.choice(['', ' №', ': серия, номер', ' (паспорт) №']) if field == 'id' else ''
        label = (case(style, a) + ' / ' if two else '') + case(style, b) + number
        end = put(d, 20 * k, y, label, plain, size, (0, 0, 0))
        if R.random() < .7:
            d.line((end + 2 * k, y + size, 190 * k, y + size), fill=(0, 0, 0), width=max(1, int(k / 5)))
        if filled:
            put(d, end + 4 * k, y - .5 * k, value(), bold, size * 1.1, (60, 30, 10))
        y += row
    from negatives import words
    while y < 270 * k and R.random() < .8:
        d.text((20 * k, y), words(9), font=font(plain, 3.4 * k), fill=(0, 0, 0))
        y += 6 * k
    return done(im, SCAN)


def blank(_):
    return form(False)


def filled(_):
    return form(True)


def screen(_):
    """A form of a web site or of an accounting program."""
    w, h = R.choice([(1280, 800), (1440, 900), (1920, 1080), (720, 1280)])
    im = Image.new('RGB', (w, h), R.choice([(255, 255, 255), (240, 242, 245)]))
    d = ImageDraw.Draw(im)
    plain, bold = R.choice(FACES)
    size, y = R.choice([15, 18, 22, 26]), 30
    d.text((40, y), R.choice(['Личный кабинет', 'Новый клиент', 'Заявка на микрокредит', 'Проверка документа', 'Удостоверение личности', 'Данные удостоверения личности']), font=font(bold, size * 1.6), fill=(30, 30, 30))
    y += size * 3
    style = R.choice(['title', 'upper'])
    for field in R.sample(sorted(FIELDS), R.randint(6, 10)) + ['surname', 'name', 'father', 'birth', 'iin']:
        if y > h - 3 * size:
            break
        kz, ru, value = FIELDS[field]
        d.text((40, y), case(style, ru), font=font(plain, size), fill=(80, 80, 90))
        d.rectangle((40 + size * 12, y - 4, 40 + size * 30, y + size * 1.4), outline=(170, 170, 180))
        if R.random() < .6:
            d.text((48 + size * 12, y), value(), font=font(plain, size), fill=(20, 20, 20))
        y += int(size * 2.4)
    return done(im, ['screen', 'screen', 'photo'])


def roster(_):
    """A list of employees or borrowers."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    heads = ['№'] + [FIELDS[f][1] for f in R.sample(['surname', 'name', 'father', 'birth', 'iin', 'sex', 'nation'], 5)] + R.choice([[], ['Удостоверение личности']])
    middle(d, 105 * k, 14 * k, R.choice(['СПИСОК РАБОТНИКОВ', 'ВЕДОМОСТЬ', 'ҚЫЗМЕТКЕРЛЕР ТІЗІМІ', 'РЕЕСТР ЗАЕМЩИКОВ']), bold, 5 * k, (0, 0, 0))
    size, wide = 2.6 * k, 186 * k / len(heads)
    for r in range(R.randint(8, 34)):
        for c, head in enumerate(heads):
            text = head if r == 0 else R.choice([surname(), R.choice(NAMES).title(), day(), iin(), str(r)])
            d.text((12 * k + c * wide + 3, (30 + r * 7) * k), text[:16], font=font(bold if r == 0 else plain, size), fill=(0, 0, 0))
        d.line((12 * k, (29 + r * 7) * k, 198 * k, (29 + r * 7) * k), fill=(90, 90, 90))
    return done(im, SCAN)


TEXT = ('Мен, {s} {n}, ЖСН {i}, жеке куәлік № {d}, ҚР ІІМ берген|Гражданин Республики Казахстан {s} {n} {f}|ИИН {i}, удостоверение личности № {d}|выдано МВД РК от {t} года|'
        'дата рождения {t}, место рождения г. {g}|именуемый в дальнейшем «Заемщик», с другой стороны|в соответствии с законодательством Республики Казахстан|'
        'Қазақстан Республикасының заңнамасына сәйкес|Копия удостоверения личности прилагается|Свидетельство о рождении ребенка, свидетельство о браке|'
        'Фамилия, имя, отчество (при его наличии)|обязуется возвратить микрокредит и вознаграждение|тараптар осы шарттың талаптарын орындайды|адрес: Республика Казахстан, г. {g}, ул. Абая, {r}')


def prose(_):
    """Contracts and articles in which a document is spoken of."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    middle(d, 105 * k, 14 * k, R.choice(['ДОГОВОР О ПРЕДОСТАВЛЕНИИ МИКРОКРЕДИТА', 'ДОВЕРЕННОСТЬ', 'МИКРОКРЕДИТ БЕРУ ТУРАЛЫ ШАРТ', 'РАСПИСКА', 'Как получить удостоверение личности', 'Удостоверение личности: новый образец']), bold, R.uniform(4, 6) * k, (0, 0, 0))
    size, y, pieces = R.uniform(3.2, 4.4) * k, 28 * k, TEXT.split('|')
    end = R.uniform(120, 280) * k
    while y < end:
        line = ' '.join(R.choice(pieces) for _ in range(R.choice([1, 1, 2, 2])))
        line = line.format(s=surname().title(), n=R.choice(NAMES).title(), f=R.choice(FATHERS).title(), i=iin(), d=digits(9), t=day(), g=R.choice(TOWNS).title(), r=R.randint(1, 99))
        d.text((18 * k, y), line[:int(174 * k / size * 2)], font=font(plain, size), fill=(10, 10, 10))
        y += size * 1.6
    return done(im, SCAN)


def service(_):
    """Passes, service and student cards, policies: cards with a face and labels that prove no identity by law."""
    w, h, mm = int(85.6 * 12), int(54 * 12), 12
    im = np.full((h, w, 3), R.choice([(250, 250, 250), (235, 225, 210), (215, 235, 225)]), np.uint8)
    if R.random() < .5:
        waves(im)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    plain, bold = R.choice(FACES)
    title = R.choice(['СЛУЖЕБНОЕ УДОСТОВЕРЕНИЕ', 'ҚЫЗМЕТТІК КУӘЛІК', 'СТУДЕНЧЕСКИЙ БИЛЕТ', 'ПРОПУСК', 'СТРАХОВОЙ ПОЛИС', 'ПЕНСИОННОЕ УДОСТОВЕРЕНИЕ', 'ЧИТАТЕЛЬСКИЙ БИЛЕТ', 'ДИСКОНТНАЯ КАРТА'])
    y = 3 * mm
    if R.random() < .4:
        middle(d, w / 2, y, R.choice(COUNTRY), bold, 2.8 * mm, (60, 30, 20))
        y += 4 * mm
    middle(d, w / 2, y, title, bold, min(3.4 * mm, 3.4 * mm * 78 * mm / font(bold, 3.4 * mm).getlength(title)), (60, 30, 20))
    face(d, 4 * mm, y + 6 * mm, 20 * mm, 24 * mm)
    y += 6 * mm
    for field in ['surname', 'name', 'father'] + R.choice([[], ['birth'], ['iin'], ['birth', 'iin']]):
        kz, ru, value = FIELDS[field]
        put(d, 28 * mm, y, R.choice([ru, kz + ' / ' + ru]), plain, 2 * mm, (90, 90, 90))
        put(d, 28 * mm, y + 2.3 * mm, value(), bold, 3 * mm, (20, 20, 20))
        y += 7 * mm
    im = np.array(pil)
    mode = R.choice(['scan', 'photo', 'photo', 'copy'])
    return (im if mode == 'photo' else s.scene(im, 'scan')), mode


NEGATIVES = {f.__name__: f for f in (blank, filled, screen, roster, prose, service)}
