#!/usr/bin/env python3
"""Makes tests/data: one small file a format, each with the same synthetic people. Written for this project; nobody in it lives.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install openpyxl python-docx python-pptx odfpy reportlab xlwt py7zr pillow zstandard
    /tmp/v/bin/python agent/document/tests/make.py    (pg_dump wants PGHOST and a role that may create databases)

Needed besides: soffice, sqlite3 (in Python), 7z, xz, bzip2, zstd, pg_dump, fonts-dejavu-core.
"""
import base64, bz2, gzip, io, lzma, os, sqlite3, struct, subprocess, sys, tarfile, zipfile, zlib
from email.message import EmailMessage

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
os.makedirs(HERE, exist_ok=True)
IIN1, IIN2 = "110101193346", "251231209860"
PHONE = "+77010000002"
NAME, KAZ = "Иванов Иван", "Әлібек Қасымов"
LINES = [f"ИИН {IIN1} {NAME}, тел. {PHONE}", f"ЖСН {IIN2} {KAZ}"]
TEXT = "\n".join(LINES) + "\n"
only = set(sys.argv[1:])


def put(name, data):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)


def run(*command, **kw):
    return subprocess.run(command, check=True, capture_output=True, **kw).stdout


def texts():
    put("utf8.txt", TEXT.encode())
    put("utf16le.txt", b"\xff\xfe" + TEXT.encode("utf-16le"))
    put("utf16be.txt", b"\xfe\xff" + TEXT.encode("utf-16be"))
    russian = "\n".join([LINES[0], f"ИИН {IIN2} Петрова Анна Сергеевна", "Договор займа заключён в городе Алматы"]) + "\n"
    put("cp1251.txt", russian.encode("cp1251"))
    put("cp866.txt", russian.encode("cp866"))
    put("koi8r.txt", russian.encode("koi8-r"))
    # Which Kazakh code page it is shows in the letters that only one of them has in this place.
    kazakh = TEXT + "Қарыз алушының төлқұжаты, үйі мен ғимараты туралы мәліметтер; Әйгерім, Ғалымжан, Ұлан, Үміт, Һәкім\n"
    put("kz1048.txt", kazakh.encode("kz1048"))
    put("ptcp154.txt", kazakh.encode("ptcp154"))
    put("table.csv", f"iin;name;phone\n{IIN1};{NAME};{PHONE}\n{IIN2};{KAZ};\n".encode())
    put("people.json", f'[{{"iin":"{IIN1}","name":"{NAME}","phone":"{PHONE}"}},{{"iin":"{IIN2}","name":"{KAZ}"}}]'.encode())
    put("dump.sql", f"INSERT INTO clients VALUES ('{IIN1}','{NAME}','{PHONE}'),('{IIN2}','{KAZ}',NULL);\n".encode())
    put("people.xml", ('<?xml version="1.0" encoding="windows-1251"?>\n<!DOCTYPE a [<!ENTITY x "y">]>\n'
        f'<people><client iin="{IIN1}" phone="{PHONE}">{NAME}</client><client><iin>{IIN2}</iin>'
        '<name>&#1240;лі<![CDATA[бек]]> &#x49A;асымов</name></client></people>').encode("cp1251"))
    put("page.html", (f"<!doctype html><html><head><title>x</title><style>p{{}}</style></head><body><!-- <p> --><table><tr><td>{NAME}<td>"
        f"{IIN1[:6]}<b>{IIN1[6:]}</b></td><td><a href='tel:{PHONE}'>call</a></td></tr></table><p>&#1240;лібек&nbsp;Қасымов<input value=\"{IIN2}\"></html>").encode())
    rtf = ["{\\rtf1\\ansi\\ansicpg1251\\deff0{\\fonttbl{\\f0\\fcharset204 Times;}{\\f1 Arial;}}{\\info{\\author x}}\\pard "]
    for line in LINES:
        for c in line:
            try:
                b = c.encode("cp1251")[0]
                rtf.append(c if b < 128 else f"\\'{b:02x}")
            except UnicodeEncodeError:
                rtf.append(f"\\u{ord(c)}?")
        rtf.append("\\par\n")
    rtf.append("{\\pict\\pngblip " + PNG.hex() + "}{\\*\\generator hidden;}}")
    put("letter.rtf", "".join(rtf).encode())


def png(color=(200, 30, 40)):
    from PIL import Image
    out = io.BytesIO()
    Image.new("RGB", (24, 16), color).save(out, "PNG")
    return out.getvalue()


def jpeg():
    from PIL import Image
    out = io.BytesIO()
    Image.new("RGB", (24, 16), (10, 200, 40)).save(out, "JPEG")
    return out.getvalue()


PNG = png()
JPEG = jpeg()


def office():
    import docx, openpyxl, pptx
    from openpyxl.drawing.image import Image
    d = docx.Document()
    p = d.add_paragraph()
    p.add_run(f"ИИН {IIN1[:5]}")
    p.add_run(IIN1[5:]).bold = True
    p.add_run(f" {NAME}, тел. {PHONE}")
    t = d.add_table(1, 2)
    t.cell(0, 0).text, t.cell(0, 1).text = IIN2, KAZ
    d.add_picture(io.BytesIO(PNG))
    d.sections[0].header.paragraphs[0].text = "Досье"
    d.save(os.path.join(HERE, "dossier.docx"))
    w = openpyxl.Workbook()
    s = w.active
    s.append(["ИИН", "ФИО", "Телефон"])
    s.append([int(IIN1), NAME, PHONE])
    s.append([IIN2, KAZ, None])
    s.add_image(Image(io.BytesIO(PNG)), "E2")
    w.save(os.path.join(HERE, "register.xlsx"))
    pr = pptx.Presentation()
    sl = pr.slides.add_slide(pr.slide_layouts[6])
    b = sl.shapes.add_textbox(0, 0, 5000000, 1000000)
    b.text_frame.text = TEXT.strip()
    sl.shapes.add_picture(io.BytesIO(PNG), 0, 0)
    pr.save(os.path.join(HERE, "slides.pptx"))
    from odf.opendocument import OpenDocumentText, OpenDocumentSpreadsheet
    from odf.text import P, Span
    from odf.table import Table, TableRow, TableCell
    o = OpenDocumentText()
    p = P(text="ИИН " + IIN1[:4])
    p.addElement(Span(text=IIN1[4:]))
    p.addText(f" {NAME}, тел. {PHONE}")
    o.text.addElement(p)
    o.text.addElement(P(text=LINES[1]))
    o.save(os.path.join(HERE, "letter.odt"))
    o = OpenDocumentSpreadsheet()
    t = Table(name="x")
    for row in [["ИИН", "ФИО", "Телефон"], [int(IIN1), NAME, PHONE], [IIN2, KAZ, ""]]:
        r = TableRow()
        for v in row:
            c = TableCell(valuetype="float", value=v) if isinstance(v, int) else TableCell(valuetype="string")
            c.addElement(P(text="1,1E+11" if isinstance(v, int) else v))
            r.addElement(c)
        t.addElement(r)
    o.spreadsheet.addElement(t)
    o.save(os.path.join(HERE, "register.ods"))
    import xlwt
    w = xlwt.Workbook(encoding="utf-8")
    s = w.add_sheet("x")
    for y, row in enumerate([["ИИН", "ФИО", "Телефон"], [int(IIN1), NAME, PHONE], [IIN2, KAZ, ""]]):
        for x, v in enumerate(row):
            s.write(y, x, v)
    w.save(os.path.join(HERE, "register.xls"))


def pdfs():
    from reportlab.pdfgen import canvas
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.lib.utils import ImageReader
    pdfmetrics.registerFont(TTFont("D", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
    for name, kw in [("contract.pdf", {}), ("locked.pdf", {"encrypt": "secret"})]:
        c = canvas.Canvas(os.path.join(HERE, name), invariant=1, pageCompression=1, **kw)
        c.setFont("D", 12)
        c.drawString(50, 700, LINES[0])
        c.drawString(50, 680, LINES[1])
        c.drawImage(ImageReader(io.BytesIO(JPEG)), 50, 500)
        c.showPage()
        c.setFont("Helvetica", 12)
        c.drawString(50, 700, f"IIN {IIN2} page two")
        c.drawImage(ImageReader(io.BytesIO(PNG)), 50, 500)
        c.showPage()
        c.save()
    try:
        run("qpdf", "--object-streams=generate", "--deterministic-id", os.path.join(HERE, "contract.pdf"), os.path.join(HERE, "objects.pdf"))
        run("qpdf", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--", "--static-id", os.path.join(HERE, "contract.pdf"), os.path.join(HERE, "printonly.pdf"))
        run("qpdf", "--allow-weak-crypto", "--object-streams=generate", "--encrypt", "", "owner", "128", "--use-aes=y", "--", "--static-id", os.path.join(HERE, "contract.pdf"), os.path.join(HERE, "printonly128.pdf"))
        run("qpdf", "--encrypt", "", "owner", "256", "--", "--static-id", os.path.join(HERE, "contract.pdf"), os.path.join(HERE, "printonly256.pdf"))
    except FileNotFoundError:
        print("no qpdf")


def mails():
    m = EmailMessage()
    m["From"] = "Кредитный отдел <a@example.com>"
    m["To"] = "b@example.com"
    m["Subject"] = f"Заявка {IIN1} Иванов"
    m.set_content(TEXT, cte="quoted-printable")
    m.add_alternative(f"<p>{LINES[0]}</p>", subtype="html", cte="base64")
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
        f.writestr("a.txt", LINES[1])
    m.add_attachment(z.getvalue(), maintype="application", subtype="zip", filename="дело.zip")
    m.add_attachment(PNG, maintype="image", subtype="png", filename="скан.png")
    m.set_boundary("=_outer")
    put("letter.eml", bytes(m))


def archives():
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
        f.writestr(zipfile.ZipInfo("Иванов/дело.txt"), LINES[0])
        i = zipfile.ZipInfo("x.txt.gz")
        f.writestr(i, gzip.compress(LINES[1].encode(), mtime=0))
        f.writestr(zipfile.ZipInfo("scan.png"), PNG)
    put("people.zip", z.getvalue())
    t = io.BytesIO()
    with tarfile.open(fileobj=t, mode="w") as f:
        for name, data in [("a.txt", LINES[0].encode()), ("b.txt", LINES[1].encode()), ("scan.png", PNG)]:
            i = tarfile.TarInfo(name)
            i.size = len(data)
            f.addfile(i, io.BytesIO(data))
    put("people.tar.gz", gzip.compress(t.getvalue(), mtime=0))
    put("people.txt.bz2", bz2.compress(TEXT.encode() * 3))
    put("people.tar.xz", lzma.compress(t.getvalue()))
    put("people.txt.zst", run("zstd", "-19", "-c", "-q", input=TEXT.encode() * 50))
    import py7zr
    for name, filters, password in [
        ("people.7z", [{"id": py7zr.FILTER_LZMA2, "preset": 6}], None),
        ("lzma.7z", [{"id": py7zr.FILTER_LZMA, "preset": 6}], None),
        ("bzip2.7z", [{"id": py7zr.FILTER_BZIP2}], None),
        ("locked.7z", None, "secret"),
    ]:
        p = os.path.join(HERE, name)
        with py7zr.SevenZipFile(p, "w", filters=filters, password=password) as f:
            if password:
                f.set_encrypted_header(True)
            f.writestr(LINES[0].encode() * 2, "a.txt")
            f.writestr(LINES[1].encode() * 2, "b.txt")
    for f in ["a.txt"]:
        p = f"/tmp/{f}"
        open(p, "w").write(TEXT)
        out = os.path.join(HERE, "locked.zip")
        if os.path.exists(out):
            os.remove(out)
        run("7z", "a", "-psecret", "-tzip", "-mem=AES256", out, p)


def compound(tree):
    """A compound file of a dict: bytes are streams, dicts are storages. As MS-CFB tells it, small streams among themselves."""
    entries, small, big = [["Root Entry", 5, None, 0, 0]], [b"", []], []

    def add(name, value):
        at = len(entries)
        if isinstance(value, dict):
            entries.append([name, 1, None, 0, 0])
            entries[at][2] = children(value)
        elif len(value) < 4096:
            start = len(small[0]) // 64
            small[0] += value + b"\0" * (-len(value) % 64)
            count = len(small[0]) // 64 - start
            small[1] += [start + i + 1 for i in range(count - 1)] + [0xFFFFFFFE] * bool(count)
            entries.append([name, 2, None, start if count else 0xFFFFFFFE, len(value)])
        else:
            big.append((at, value))
            entries.append([name, 2, None, 0, len(value)])
        return at

    def children(items):
        ordered = [add(name, items[name]) for name in sorted(items, key=lambda name: (len(name), name.upper()))]
        for here, right in zip(ordered, ordered[1:]):
            entries[here].append(right)
        return ordered[0] if ordered else None

    entries[0][2] = children(tree)
    sectors, fat = [], []

    def chain(data):
        start = len(sectors)
        pieces = [data[i:i + 512].ljust(512, b"\0") for i in range(0, len(data), 512)]
        sectors.extend(pieces)
        fat.extend([start + i + 1 for i in range(len(pieces) - 1)] + [0xFFFFFFFE] * bool(pieces))
        return start if pieces else 0xFFFFFFFE

    for at, value in big:
        entries[at][3] = chain(value)
    entries[0][3], entries[0][4] = chain(small[0]), len(small[0])
    table = chain(b"".join(struct.pack("<I", n) for n in small[1] + [0xFFFFFFFF] * (-len(small[1]) % 128)))
    directory = b""
    for name, kind, child, start, size, *right in entries:
        wide = name.encode("utf-16le")
        directory += wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide) + 2, kind, 1, 0xFFFFFFFF,
            right[0] if right else 0xFFFFFFFF, 0xFFFFFFFF if child is None else child) + b"\0" * 36 + struct.pack("<IQ", start, size)
    directory = chain(directory + (b"\0" * 66 + b"\0\0" + b"\xff" * 12 + b"\0" * 48) * (-len(entries) % 4))
    at = len(sectors)
    fat.append(0xFFFFFFFD)
    sectors.append(b"".join(struct.pack("<I", n) for n in fat + [0xFFFFFFFF] * (128 - len(fat))))
    assert len(fat) <= 128
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, directory, 0,
        4096, table, (len(small[1]) + 127) // 128, 0xFFFFFFFE, 0, at)
    return header + b"\xff" * (512 - len(header)) + b"".join(sectors)


def messages():
    wide = lambda text: text.encode("utf-16le")
    name = "__substg1.0_"
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
        f.writestr(zipfile.ZipInfo("a.txt"), LINES[1])
    inner = {"__properties_version1.0": b"\0" * 32, name + "0037001F": wide("Ещё одно"), name + "1000001F": wide("внутри письма")}
    put("letter.msg", compound({
        "__nameid_version1.0": {name + "00020102": b""},
        "__properties_version1.0": b"\0" * 32,
        name + "0037001F": wide("Заявка"),
        name + "0C1A001F": wide(NAME),
        name + "1000001F": wide(LINES[0] + "\r\n" + "Текст письма. " * 200),
        name + "10130102": f"<p>{LINES[0]}</p>".encode(),
        "__recip_version1.0_#00000000": {name + "3001001F": wide("Отдел"), name + "39FE001F": wide("b@example.com")},
        "__attach_version1.0_#00000000": {name + "37010102": z.getvalue(), name + "3707001F": wide("дело.zip")},
        "__attach_version1.0_#00000001": {name + "37010102": PNG, name + "3707001F": wide("скан.png")},
        "__attach_version1.0_#00000002": {name + "3701000D": inner},
    }))


def converted():
    """By LibreOffice, which is another program than those above."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        for source, kind, target in [
            ("dossier.docx", "doc:MS Word 97", "dossier.doc"), ("dossier.docx", "pdf", "dossier.pdf"), ("dossier.docx", "rtf", "dossier.rtf"),
            ("slides.pptx", "ppt:MS PowerPoint 97", "slides.ppt"), ("slides.pptx", "odp", "slides.odp"),
            ("register.xlsx", "xls:MS Excel 97", "drawn.xls"),
        ]:
            run("soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", kind, "--outdir", folder, os.path.join(HERE, source))
            made = os.path.join(folder, source.rsplit(".", 1)[0] + "." + target.rsplit(".", 1)[1])
            data = open(made, "rb").read()
            if len(data) > 100_000:
                target, data = target + ".gz", gzip.compress(data, mtime=0)
            put(target, data)


def databases():
    p = os.path.join(HERE, "clients.sqlite")
    if os.path.exists(p):
        os.remove(p)
    c = sqlite3.connect(p)
    c.execute("pragma page_size=1024")
    c.execute("create table clients(iin integer, name text, phone text, photo blob)")
    c.execute("insert into clients values(?,?,?,?)", (int(IIN1), NAME, PHONE, PNG))
    c.execute("insert into clients values(?,?,?,null)", (IIN2, KAZ + " x" * 1500 + " конец", None))
    c.execute("create table w(iin text primary key, n text) without rowid")
    c.execute("insert into w values(?,?)", (IIN2, "без номера"))
    c.commit()
    c.close()
    def psql(sql, db="postgres"):
        run("psql", "-q", "-d", db, input=sql.encode())
    try:
        psql("drop database if exists kzdoc")
        psql("create database kzdoc template template0 encoding 'UTF8'")
        psql(f"create table clients(iin text, name text, phone text); insert into clients values('{IIN1}','{NAME}','{PHONE}'),('{IIN2}','{KAZ}',null); select lo_from_bytea(0, '\\x{PNG.hex()}');", "kzdoc")
        put("clients.dump", run("pg_dump", "-Fc", "kzdoc"))
        put("plain.dump", run("pg_dump", "-Fc", "-Z0", "kzdoc"))
        psql("drop database kzdoc")
    except Exception as e:
        print("pg_dump:", e, getattr(e, "stderr", ""))


for part in [texts, office, pdfs, mails, messages, converted, archives, databases]:
    if not only or part.__name__ in only:
        try:
            part()
        except Exception as e:
            print(part.__name__, repr(e), getattr(e, "stderr", ""))
put("SOURCE", "Made by tests/make.py with synthetic people (numbers of kz-vectors.json); nobody in it lives.\n".encode())
