"""What an office holds besides documents, in the second style: applications under the name of the state, certificates of courses,
cards of shops and schools, letters, payments, tickets, posters, pages of the web, talk, plain pictures.

Every person is made up. Scans are turned by quarters and askew, screens are kept or photographed.
"""
import cv2
import numpy as np
from PIL import Image, ImageDraw

import second as s
from labels import COUNTRY, FACES, FIELDS, FATHERS, NAMES, TOWNS, case, day, digits, iin, middle, put, sheet, surname
from second import face, font, waves

R = s.R
RUSSIAN = ('кредит срок оплата договор услуга адрес клиент заявка решение банк сумма месяц документ копия подпись руководитель отдел '
           'обучение курс программа часов успешно настоящий выдан подтверждает приём граждан режим работы закон порядок правила').split()
KAZAKH = ('қызмет мерзім төлем шарт мекенжай клиент өтінім шешім банк сома ай құжат көшірме қол басшы бөлім оқу курс бағдарлама '
          'сағат табысты осы берілді растайды азаматтар қабылдау жұмыс тәртібі заң ережелер').split()
NAMED = [('ЖЕКЕ КУӘЛІК', 'УДОСТОВЕРЕНИЕ ЛИЧНОСТИ'), ('ЖҮРГІЗУШІ КУӘЛІГІ', 'ВОДИТЕЛЬСКОЕ УДОСТОВЕРЕНИЕ'), ('ТУУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О РОЖДЕНИИ'),
         ('НЕКЕ ҚИЮ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О ЗАКЛЮЧЕНИИ БРАКА'), ('ЫҚТИЯРХАТ', 'ВИД НА ЖИТЕЛЬСТВО')]
FIRMS = 'ТОО «Дала Финанс»|ЖШС «Алтын Несие»|АО «Сарыарқа Банк»|КГУ «Центр занятости»|МФО «Тез Ақша»|НАО «Университет Жетысу»'.split('|')


def words(n, of=None):
    return ' '.join(R.choice(of or R.choice([RUSSIAN, KAZAKH])) for _ in range(n))


def person():
    return ' '.join((surname().title(), R.choice(NAMES).title(), R.choice(FATHERS).title()))


def fit(d, x, y, text, path, size, wide, fill):
    size = min(size, size * wide / max(1, font(path, size).getlength(text)))
    middle(d, x, y, text, path, size, fill)
    return y + size * 1.35


def prose(d, x, y, step, limit, path, size, wide, fill=(20, 20, 20)):
    while y < limit:
        text = words(R.randint(5, 14))
        while font(path, size).getlength(text) > wide and ' ' in text:
            text = text.rsplit(' ', 1)[0]
        d.text((x, y), text, font=font(path, size), fill=fill)
        y += step
    return y


def laid(im, mode):
    """As it comes to a share: scanned somehow turned, photographed, or kept as a screen."""
    if mode == 'photo':
        return s.scene(im, mode), mode
    if mode != 'screen':
        h, w = im.shape[:2]
        m = cv2.getRotationMatrix2D((w / 2, h / 2), R.gauss(0, 1.2), 1)
        im = cv2.warpAffine(im, m, (w, h), borderValue=R.choice([(255, 255, 255), (240, 240, 240)]))
        im = np.ascontiguousarray(np.rot90(im, R.choice([0, 0, 0, 0, 1, 2, 3])))
    return im, mode


def done(im, modes):
    return laid(np.asarray(im)[..., ::-1].copy(), R.choice(modes))


SCAN = ['scan', 'scan', 'copy', 'fax', 'photo', 'photo']
SCREEN = ['screen', 'screen', 'screen', 'photo']
CARD = ['photo', 'photo', 'scan', 'copy']


def fields(d, k, x, y, limit, order, filled, two, plain, bold, size, row):
    style, ruled, boxed = R.choice(['upper', 'title']), R.random() < .6, R.random() < .3
    for field in order:
        if y > limit:
            break
        a, b, value = FIELDS.get(field, ('ЖЕКЕ КУӘЛІК', 'УДОСТОВЕРЕНИЕ ЛИЧНОСТИ', lambda: digits(9)))
        b += R.choice(['', ' №']) if field == 'id' else ''
        label = (case(style, a) + R.choice([' / ', '/']) if two else '') + case(style, b)
        end = put(d, x, y, label, plain, size, (0, 0, 0))
        if boxed:
            d.rectangle((end + 2 * k, y - k, 190 * k, y + size * 1.3), outline=(60, 60, 60))
        elif ruled:
            d.line((end + 2 * k, y + size, 190 * k, y + size), fill=(0, 0, 0), width=max(1, int(k / 5)))
        if filled:
            put(d, end + 4 * k, y - .3 * k, value(), bold, size * R.choice([1, 1.1]), (60, 30, 10))
        y += row
    return y


def application(filled):
    """An application of two languages, often under the name of the state, often with the name of the document it asks for as
    a heading over labels."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    y, black, two = R.uniform(10, 24) * k, (0, 0, 0), R.random() < .8
    if R.random() < .3:
        for text in (R.choice(FIRMS), 'от ' + (person() if filled else '_' * 30)):
            y = put(d, 110 * k, y, text, plain, 3.6 * k, black) and y + 6 * k
    if R.random() < .55:
        for text in COUNTRY if two else COUNTRY[1:]:
            y = fit(d, 105 * k, y, text, bold, R.uniform(4, 6) * k, 170 * k, black)
    kz, ru = R.choice([('ӨТІНІШ', 'ЗАЯВЛЕНИЕ'), ('САУАЛНАМА', 'АНКЕТА'), ('ӨТІНІШ-САУАЛНАМА', 'ЗАЯВЛЕНИЕ-АНКЕТА'), ('КЛИЕНТТІҢ САУАЛНАМАСЫ', 'АНКЕТА КЛИЕНТА'), ('ҚАРЫЗ АЛУШЫНЫҢ САУАЛНАМАСЫ', 'АНКЕТА ЗАЕМЩИКА'),
                       ('ЖЕКЕ КУӘЛІК БЕРУ ТУРАЛЫ ӨТІНІШ', 'ЗАЯВЛЕНИЕ О ВЫДАЧЕ УДОСТОВЕРЕНИЯ ЛИЧНОСТИ'), ('ТІРКЕУ ПАРАҒЫ', 'РЕГИСТРАЦИОННЫЙ ЛИСТ'), ('ДЕРБЕС ДЕРЕКТЕР', 'ПЕРСОНАЛЬНЫЕ ДАННЫЕ')])
    for text in (kz, ru) if two else (ru,):
        y = fit(d, 105 * k, y, text, bold, R.uniform(4.5, 6.5) * k, 175 * k, black)
    asked = R.random()
    if asked < .35:  # what the application is for, as a line of its own
        a, b = R.choice(NAMED)
        for text in (a, b) if two else (b,):
            y = fit(d, 105 * k, y, text, R.choice([plain, bold]), R.uniform(3.6, 5.2) * k, 170 * k, black)
    y += R.uniform(2, 8) * k
    order = ['surname', 'name', 'father', 'birth', 'iin', 'sex', 'place', 'citizen', 'nation'][:R.randint(4, 9)]
    size, row = R.uniform(3, 4.6) * k, R.uniform(8, 15) * k
    if asked > .6:  # a part of the form about the document
        y = fields(d, k, 20 * k, y, 230 * k, order, filled, two, plain, bold, size, row)
        a, b = R.choice(NAMED)
        put(d, 20 * k, y, (a + ' / ' if two else '') + b, bold, size * R.choice([1, 1.15, 1.3]), black)
        y = fields(d, k, 20 * k, y + row, 275 * k, ['id', 'issued', 'until', 'organ'], filled, two, plain, bold, size, row)
    else:
        y = fields(d, k, 20 * k, y, 270 * k, order + R.choice([[], ['id'], ['id', 'issued', 'organ']]), filled, two, plain, bold, size, row)
    if R.random() < .6:
        y = prose(d, 20 * k, y + 3 * k, 5.5 * k, R.uniform(200, 265) * k, plain, 3.4 * k, 170 * k)
        d.text((20 * k, 272 * k), 'Қолы / Подпись ____________   Күні / Дата ' + (day() if filled else '__________'), font=font(plain, 3.6 * k), fill=black)
    return done(im, SCAN)


def asked(_):
    return application(False)


def answered(_):
    return application(True)


def course(_):
    """Certificates of courses and competitions: a name, a frame, a stamp, words of the state."""
    wide = R.random() < .6
    k = R.choice([6, 8, 11.8])
    w, h = (int(297 * k), int(210 * k)) if wide else (int(210 * k), int(297 * k))
    im = np.full((h, w, 3), R.choice([(255, 255, 255), (236, 246, 250), (240, 248, 236), (225, 238, 250)]), np.uint8)
    if R.random() < .6:
        waves(im)
    pil = Image.fromarray(im)
    d = ImageDraw.Draw(pil)
    for j in range(R.randint(1, 3)):
        d.rectangle((int((6 + 2 * j) * k), int((6 + 2 * j) * k), w - int((6 + 2 * j) * k), h - int((6 + 2 * j) * k)), outline=(40, 120, 160), width=max(1, int(k / 3)))
    plain, bold = R.choice(FACES)
    y, inner = R.uniform(16, 30) * k, w - 40 * k
    if R.random() < .5:
        for text in COUNTRY:
            y = fit(d, w / 2, y, text, bold, 6 * k, inner, (50, 30, 20))
    y = fit(d, w / 2, y, R.choice(FIRMS), plain, 5 * k, inner, (50, 50, 50))
    for text in R.choice([('СЕРТИФИКАТ',), ('КУӘЛІК', 'СВИДЕТЕЛЬСТВО'), ('ДИПЛОМ',), ('БІЛІКТІЛІКТІ АРТТЫРУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О ПОВЫШЕНИИ КВАЛИФИКАЦИИ'), ('ТІРКЕУ ТУРАЛЫ КУӘЛІК', 'СВИДЕТЕЛЬСТВО О РЕГИСТРАЦИИ'),
                          ('ГРАМОТА', 'МАҚТАУ ҚАҒАЗЫ'), ('УДОСТОВЕРЕНИЕ', 'КУӘЛІК'), ('УДОСТОВЕРЕНИЕ О ПРОВЕРКЕ ЗНАНИЙ', 'БІЛІМДІ ТЕКСЕРУ ТУРАЛЫ КУӘЛІК'), ('CERTIFICATE',)]):
        y = fit(d, w / 2, y, text, bold, R.uniform(8, 14) * k, inner, (90, 40, 30))
    y = fit(d, w / 2, y + 4 * k, R.choice(['настоящим подтверждается, что', 'осы куәлік берілді', 'выдан', 'This is to certify that']), plain, 4.5 * k, inner, (40, 40, 40))
    y = fit(d, w / 2, y + 2 * k, person(), bold, 8 * k, inner, (30, 30, 30))
    if R.random() < .4:
        for field in R.sample(['surname', 'name', 'father', 'birth', 'iin', 'issued', 'organ'], R.randint(1, 4)):
            a, b, value = FIELDS[field]
            put(d, 24 * k, y, '%s / %s: %s' % (a.capitalize(), b.capitalize(), value()), plain, 4 * k, (40, 40, 40))
            y += 7 * k
    y = prose(d, 24 * k, y + 2 * k, 6.5 * k, min(h - 45 * k, y + R.uniform(10, 50) * k), plain, 4.2 * k, inner)
    put(d, 24 * k, h - 30 * k, 'Берілген күні / Дата выдачи ' + day(), plain, 4 * k, (40, 40, 40))
    put(d, 24 * k, h - 22 * k, '№ ' + digits(7), bold, 5 * k, (20, 20, 160))
    return done(pil, SCAN)


def blankcard(mm=12):
    w, h = int(85.6 * mm), int(54 * mm)
    im = np.full((h, w, 3), tuple(R.randint(60, 250) for _ in range(3)), np.uint8)
    if R.random() < .6:
        waves(im)
    pil = Image.fromarray(im)
    light = int(im[0, 0].sum()) < 380
    return pil, ImageDraw.Draw(pil), w, h, mm, (240, 240, 240) if light else (30, 30, 40)


def scened(pil, modes):
    mode = R.choice(modes)
    im = np.array(pil)
    return (s.scene(im, 'photo' if mode == 'photo' else 'scan')), mode


def loyalty(_):
    pil, d, w, h, mm, ink = blankcard()
    plain, bold = R.choice(FACES)
    fit(d, w / 2, 6 * mm, R.choice(['БОНУСНАЯ КАРТА', 'ЖЕҢІЛДІК КАРТАСЫ', 'КЛУБНАЯ КАРТА', 'ПОДАРОЧНЫЙ СЕРТИФИКАТ', 'GOLD CARD', 'Абонемент', 'ДИСКОНТНАЯ КАРТА']), bold, R.uniform(4, 9) * mm, w * .85, ink)
    put(d, 6 * mm, 24 * mm, ' '.join(digits(4) for _ in range(R.choice([3, 4]))), R.choice(s.MONO), R.uniform(4, 6) * mm, ink)
    put(d, 6 * mm, 36 * mm, R.choice([person(), words(4), 'до ' + day(), '-%d %%' % R.randint(3, 30)]), plain, R.uniform(2.5, 4) * mm, ink)
    if R.random() < .5:
        x = 6 * mm
        while x < w * .7:
            bar = R.choice([2, 4, 6])
            d.rectangle((x, 43 * mm, x + bar, 50 * mm), fill=(0, 0, 0))
            x += bar + R.choice([2, 4, 6])
    return scened(pil, CARD)


def student(_):
    """Cards of students and pupils that name no state."""
    pil, d, w, h, mm, ink = blankcard()
    plain, bold = R.choice(FACES)
    y = fit(d, w / 2, 3 * mm, R.choice(FIRMS[-1:] + ['КОЛЛЕДЖ ТУРИЗМА', 'ЛИЦЕЙ № %d' % R.randint(1, 99), 'ПОЛИТЕХНИКАЛЫҚ КОЛЛЕДЖ']), bold, 3 * mm, w * .9, ink)
    y = fit(d, w / 2, y, R.choice(['СТУДЕНЧЕСКИЙ БИЛЕТ', 'СТУДЕНТ КУӘЛІГІ', 'ОҚУШЫ КУӘЛІГІ', 'СТУДЕНТ БИЛЕТІ / СТУДЕНЧЕСКИЙ БИЛЕТ', 'STUDENT ID', 'УДОСТОВЕРЕНИЕ УЧАЩЕГОСЯ']), bold, 4 * mm, w * .9, ink)
    face(d, 4 * mm, y + 3 * mm, 18 * mm, 22 * mm)
    y += 3 * mm
    for field in ['surname', 'name'] + R.sample(['father', 'birth', 'iin', 'issued', 'until'], R.randint(1, 3)):
        kz, ru, value = FIELDS[field]
        put(d, 26 * mm, y, R.choice([ru, kz + ' / ' + ru, kz.capitalize() + '/' + ru.capitalize()]), plain, 1.9 * mm, ink)
        put(d, 26 * mm, y + 2.2 * mm, value(), bold, 2.9 * mm, ink)
        y += 6.4 * mm
    return scened(pil, CARD)


def letter(_):
    """A letter of an office: the name of the state, a crest, two columns of addresses."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    head = R.choice(['АДАМИ РЕСУРСТАР БАСҚАРМАСЫ|УПРАВЛЕНИЕ КАДРОВ', 'ҚАРЖЫ МИНИСТРЛІГІ|МИНИСТЕРСТВО ФИНАНСОВ', 'ІШКІ ІСТЕР МИНИСТРЛІГІ|МИНИСТЕРСТВО ВНУТРЕННИХ ДЕЛ', 'ХАЛЫҚҚА ҚЫЗМЕТ КӨРСЕТУ ОРТАЛЫҒЫ|ЦЕНТР ОБСЛУЖИВАНИЯ НАСЕЛЕНИЯ']).split('|')
    d.ellipse((95 * k, 8 * k, 115 * k, 28 * k), outline=(20, 90, 160), width=max(1, int(k)))
    for x, state, text in ((55, COUNTRY[0], head[0]), (155, COUNTRY[1], head[1])):
        y = fit(d, x * k, 12 * k, state, bold, R.uniform(4, 5.5) * k, 72 * k, (20, 60, 130))
        fit(d, x * k, y, text, bold, 4 * k, 72 * k, (20, 60, 130))
    d.line((18 * k, 34 * k, 192 * k, 34 * k), fill=(20, 60, 130), width=max(1, int(k / 3)))
    if R.random() < .5:
        fit(d, 105 * k, 48 * k, R.choice(['О выдаче удостоверения личности', 'О предоставлении копии свидетельства о рождении', 'ПРИКАЗ', 'ИЗВЕЩЕНИЕ', 'ХАБАРЛАМА', 'ТАЛОН']), bold, 5 * k, 160 * k, (0, 0, 0))
    y = prose(d, 22 * k, 62 * k, R.uniform(5.5, 8) * k, R.uniform(110, 230) * k, plain, R.uniform(3.4, 4.6) * k, 166 * k)
    for text in R.sample(['Тел. %s' % digits(10), 'ИИН ' + iin(), 'Исп. ' + person(), 'дата рождения ' + day(), 'Қолы ________', '№ ' + digits(6)], 3):
        d.text((22 * k, y), text, font=font(plain, 3.6 * k), fill=(0, 0, 0))
        y += 8 * k
    return done(im, SCAN)


def payment(_):
    """Payment orders, invoices, receipts of a bank, statements."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    y = fit(d, 105 * k, 12 * k, R.choice(['ПЛАТЕЖНОЕ ПОРУЧЕНИЕ', 'СЧЕТ НА ОПЛАТУ', 'СЧЕТ-ФАКТУРА', 'ТӨЛЕМ ТАПСЫРМАСЫ', 'КВИТАНЦИЯ', 'ВЫПИСКА ПО СЧЕТУ', 'АКТ ВЫПОЛНЕННЫХ РАБОТ', 'ШОТ-ФАКТУРА']), bold, 6 * k, 170 * k, (0, 0, 0))
    for _ in range(R.randint(10, 34)):
        if y > 275 * k:
            break
        text = R.choice(['БИН %s' % digits(12), 'ИИН ' + iin(), 'ИИК KZ' + digits(18), 'КНП %s  Кбе %s' % (digits(3), digits(2)), 'Отправитель денег ' + person(), 'Бенефициар ' + R.choice(FIRMS), 'Назначение платежа: ' + words(4), '%s   %.2f тенге' % (day(), R.uniform(100, 9e6)), words(7)])
        if R.random() < .5:
            d.rectangle((14 * k, y - 1.5 * k, 196 * k, y + 5 * k), outline=(90, 90, 90))
        d.text((17 * k, y), text, font=font(R.choice([plain, plain, bold]), 3.6 * k), fill=(0, 0, 0))
        y += 7 * k
    return done(im, SCAN)


def ticket(_):
    """Tickets of trains and planes as printed or shown: a name, a number of a document, times."""
    k = R.choice([6, 8])
    im = Image.new('RGB', (int(200 * k), int(R.uniform(80, 160) * k)), (255, 255, 255))
    d, (plain, bold) = ImageDraw.Draw(im), R.choice(FACES)
    y = fit(d, 100 * k, 6 * k, R.choice(['ЭЛЕКТРОННЫЙ БИЛЕТ', 'ЭЛЕКТРОНДЫҚ БИЛЕТ / ЭЛЕКТРОННЫЙ БИЛЕТ', 'ПОСАДОЧНЫЙ ТАЛОН', 'МАРШРУТНАЯ КВИТАНЦИЯ', 'ITINERARY RECEIPT']), bold, 7 * k, 180 * k, (20, 40, 110))
    for text in R.sample(['Жолаушы / Пассажир: ' + person(), 'Документ / Құжат: УЛ ' + digits(9), 'ЖСН/ИИН ' + iin(), 'Туған күні/Дата рождения ' + day(), 'Поезд 00%dЦ  Вагон %d  Место %d' % (R.randint(1, 9), R.randint(1, 18), R.randint(1, 54)), 'АЛМАТЫ — АСТАНА  %s' % day(), 'KC%d ALA NQZ' % R.randint(100, 999), 'Стоимость %d тг' % R.randint(2000, 90000), words(6), 'Удостоверение личности'], R.randint(5, 9)):
        put(d, 12 * k, y, text, R.choice([plain, bold]), R.uniform(3.4, 5) * k, (20, 20, 20))
        y += 8 * k
        if y > im.height - 10 * k:
            break
    return done(im, ['scan', 'photo', 'screen', 'screen', 'copy'])


def poster(_):
    """Few and large letters: posters, plates, slides, among them of how to get a document."""
    w, h = R.choice([(1200, 1700), (1600, 900), (1000, 1000), (2000, 1400)])
    im = Image.new('RGB', (w, h), tuple(R.randint(0, 255) for _ in range(3)))
    d, (plain, bold) = ImageDraw.Draw(im), R.choice(FACES)
    dark = sum(im.getpixel((0, 0))) < 380
    ink, y = (245, 245, 245) if dark else (15, 15, 30), h * R.uniform(.05, .2)
    for _ in range(R.randint(2, 7)):
        text = R.choice(['ВНИМАНИЕ!', 'НАЗАР АУДАРЫҢЫЗ', 'СКИДКИ %d %%' % R.randint(5, 70), R.choice(NAMED)[0], R.choice(NAMED)[1], COUNTRY[0], COUNTRY[1], 'ПРИЁМ ГРАЖДАН', words(3).upper(), words(4), 'ЖҰМЫС УАҚЫТЫ 9:00–18:00', 'ИИН, ФИО, дата рождения'])
        y = fit(d, w / 2, y, text, R.choice([plain, bold]), h * R.uniform(.035, .12), w * .9, ink) + h * .02
        if y > h * .85:
            break
    if R.random() < .4:
        face(d, w * .7, h * .6, w * .2, h * .25)
    return done(im, ['photo', 'screen', 'scan', 'photo'])


def web(_):
    """Pages of the web full of text: news, help about documents, a shop."""
    w, h = R.choice([(1280, 900), (1440, 1800), (1920, 1080), (750, 1600)])
    dark = R.random() < .2
    im = Image.new('RGB', (w, h), (26, 28, 32) if dark else (255, 255, 255))
    d, (plain, bold) = ImageDraw.Draw(im), R.choice(FACES)
    ink, size, x = (220, 220, 220) if dark else (30, 30, 30), R.choice([14, 16, 18, 22]), R.choice([30, 120, 220]) if w > 800 else 24
    d.rectangle((0, 0, w, size * 3), fill=(20, 80, 150))
    d.text((x, size * .8), R.choice(['egov.kz', 'Новости', 'Анықтама', 'Вопрос — ответ', 'Каталог']), font=font(bold, size * 1.3), fill=(255, 255, 255))
    y = size * 4.5
    while y < h - size * 3:
        head = R.choice(['Удостоверение личности', 'Жеке куәлік', 'Как получить удостоверение личности', 'Свидетельство о рождении', 'Туу туралы куәлік', 'Паспорт гражданина', 'Водительское удостоверение', words(5).capitalize(), words(4).capitalize()])
        d.text((x, y), head.upper() if R.random() < .2 else head, font=font(bold, size * R.choice([1.3, 1.6, 2])), fill=ink)
        y += size * 3
        if R.random() < .4:
            for item in R.sample(['фамилия, имя, отчество', 'дата рождения', 'ИИН', 'место рождения', 'гражданство', 'орган выдачи', 'срок действия', 'Тегі / Фамилия', 'Туған күні / Дата рождения'], R.randint(2, 6)):
                d.text((x + size, y), R.choice(['• ', '— ', '']) + item, font=font(plain, size), fill=ink)
                y += size * 1.6
        y = prose(d, x, y, size * 1.6, min(h - size * 2, y + size * R.randint(4, 24)), plain, size, w - 2 * x, ink) + size
    return done(im, SCREEN)


def talk(_):
    """A talk in a messenger, on a telephone."""
    w, h = R.choice([(720, 1280), (1080, 1920), (828, 1792)])
    im = Image.new('RGB', (w, h), R.choice([(236, 229, 221), (18, 27, 34), (255, 255, 255)]))
    d, (plain, bold) = ImageDraw.Draw(im), R.choice(FACES)
    size, y = w / R.uniform(22, 30), h * .06
    while y < h * .92:
        lines = [R.choice([words(R.randint(1, 5)), 'ИИН ' + iin(), 'скиньте удостоверение личности', 'жеке куәлігіңізді жіберіңіз', person(), 'дата рождения ' + day(), 'https://egov.kz/cms/ru', '<<<<<<<']) for _ in range(R.randint(1, 4))]
        wide, left = max(font(plain, size).getlength(t) for t in lines) + size, R.random() < .5
        x = size if left else max(size, w - wide - size)
        d.rounded_rectangle((x, y, x + wide, y + size * 1.4 * len(lines) + size), size * .6, fill=(255, 255, 255) if left else (217, 253, 211))
        for t in lines:
            d.text((x + size / 2, y + size / 2), t, font=font(plain, size), fill=(20, 20, 20))
            y += size * 1.4
        y += size * 2
    return done(im, SCREEN)


def medical(_):
    """Results of a laboratory, sick notes, vaccinations: labels of a person above a table."""
    im, d, k = sheet()
    plain, bold = R.choice(FACES)
    y = fit(d, 105 * k, 12 * k, R.choice(FIRMS), plain, 4 * k, 170 * k, (0, 0, 0))
    y = fit(d, 105 * k, y, R.choice(['РЕЗУЛЬТАТЫ ИССЛЕДОВАНИЯ', 'МЕДИЦИНСКАЯ СПРАВКА', 'ПАСПОРТ ВАКЦИНАЦИИ', 'ЕКПЕ ПАСПОРТЫ', 'ТАЛДАУ НӘТИЖЕЛЕРІ', 'ЛИСТ НЕТРУДОСПОСОБНОСТИ', 'ПОЛИС ОСМС', 'НАПРАВЛЕНИЕ']), bold, 6 * k, 170 * k, (0, 0, 0))
    y = fields(d, k, 18 * k, y + 4 * k, 120 * k, R.sample(['surname', 'name', 'father', 'birth', 'sex', 'iin'], R.randint(3, 6)), True, R.random() < .5, plain, bold, 3.6 * k, R.uniform(6, 9) * k)
    for _ in range(R.randint(5, 24)):
        if y > 275 * k:
            break
        d.text((18 * k, y), '%s    %.1f    %d–%d' % (words(2).capitalize(), R.uniform(0, 200), R.randint(0, 50), R.randint(51, 200)), font=font(plain, 3.4 * k), fill=(0, 0, 0))
        y += 7 * k
    return done(im, SCAN)


def chart(_):
    """Figures of a report: bars, axes, a legend."""
    w, h = R.choice([(1280, 720), (1600, 1000), (1000, 1000)])
    im = Image.new('RGB', (w, h), (255, 255, 255))
    d, (plain, bold) = ImageDraw.Draw(im), R.choice(FACES)
    fit(d, w / 2, 20, words(4).upper(), bold, 36, w * .8, (20, 20, 20))
    for i in range(R.randint(4, 16)):
        x, top = 80 + i * (w - 160) // 16, R.randint(120, h - 160)
        d.rectangle((x, top, x + (w - 160) // 22, h - 90), fill=tuple(R.randint(0, 230) for _ in range(3)))
        d.text((x, h - 80), R.choice([str(2010 + i), day()[:5]]), font=font(plain, 20), fill=(40, 40, 40))
        d.text((20, 120 + i * 40), '%d' % R.randint(0, 9999), font=font(plain, 18), fill=(90, 90, 90))
    return done(im, SCREEN)


def plain(_):
    """Noise, shades, weaves, stripes, scenes of light and shadow: no letter at all."""
    h, w = R.choice([(600, 800), (1200, 1600), (1500, 2000), (2400, 3200)])
    kind = R.choice(['noise', 'shade', 'weave', 'stripes', 'leaves', 'ground'])
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    if kind == 'noise':
        g = s.N.standard_normal((h, w)).astype(np.float32) * R.uniform(5, 80) + 128
    elif kind == 'shade':
        g = 255 * (xx / w * R.random() + yy / h * R.random()) / 2
    elif kind == 'weave':
        p = R.uniform(4, 30)
        g = 128 + 50 * np.sin(xx / p * 6.28) * np.sin(yy / p * 6.28)
    elif kind == 'stripes':
        p, a = R.uniform(4, 60), R.uniform(0, 3.1)
        g = 255.0 * (((xx * np.cos(a) + yy * np.sin(a)) / p % 1) > .5)
    elif kind == 'leaves':
        t = cv2.resize(s.N.standard_normal((h // R.choice([4, 8, 16]), w // 8)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        g = 128 + 60 * t
    else:
        return laid(s.ground(h, w), 'photo')
    im = np.repeat(np.clip(g, 0, 255).astype(np.uint8)[..., None], 3, 2)
    return im, R.choice(['scan', 'screen', 'copy'])


NEGATIVES = {f.__name__: f for f in (asked, answered, course, loyalty, student, letter, payment, ticket, poster, web, talk, medical, chart, plain)}
