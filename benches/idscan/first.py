"""Pictures in the first drawing style: cards, passports and certificates like those of Kazakhstan, and hard negatives.

    first.py SEED OUT [SCALE]

Own drawings, no artwork of a real document is copied; faces are drawn or the portrait of scikit-image (public domain).
The network was made while looking at this style (not trained on it); `second.py` is the one it never saw.
"""
import random, os, json, math, io, sys
import numpy as np, cv2
from PIL import Image, ImageDraw, ImageFont, ImageFilter
random.seed(int(sys.argv[1]) if len(sys.argv)>1 else 7); np.random.seed(random.randint(0,1<<30))
OUT=sys.argv[2] if len(sys.argv)>2 else 'set'; os.makedirs(OUT,exist_ok=True)
SCALE=float(sys.argv[3]) if len(sys.argv)>3 else 1.0
DJ='/usr/share/fonts/truetype/dejavu/'; LB='/usr/share/fonts/truetype/liberation/'; OB='/usr/share/fonts/opentype/ocr-b/'
SANS=[DJ+'DejaVuSans.ttf','/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf']
BOLD=[DJ+'DejaVuSans-Bold.ttf','/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf']
SERIF=[DJ+'DejaVuSerif.ttf',LB+'LiberationSerif-Regular.ttf']
MONO=[DJ+'DejaVuSansMono.ttf',LB+'LiberationMono-Regular.ttf']
SANS=[f for f in SANS if os.path.exists(f)]; BOLD=[f for f in BOLD if os.path.exists(f)]
R=random
def F(p,s): return ImageFont.truetype(p,max(4,int(s)))
SUR=[('НҰРЛАНОВ','NURLANOV'),('ӘЛИЕВА','ALIYEVA'),('ҚАСЫМОВ','KASSYMOV'),('СЕРІКБАЕВА','SERIKBAYEVA'),('ИВАНОВ','IVANOV'),('АХМЕТОВ','AKHMETOV'),('ҮСЕНОВА','USSENOVA'),('ПЕТРОВА','PETROVA'),('ЖҰМАБЕКОВ','ZHUMABEKOV'),('ОРЫНБАСАРОВ','ORYNBASSAROV')]
NAM=[('АЙГҮЛ','AIGUL'),('ЕРЛАН','YERLAN'),('ДӘУРЕН','DAUREN'),('СВЕТЛАНА','SVETLANA'),('НҰРСҰЛТАН','NURSULTAN'),('ОЛЕГ','OLEG'),('ӘСЕЛ','ASSEL'),('ТІМУР','TIMUR')]
PAT=['СЕРІКҰЛЫ','БОЛАТҚЫЗЫ','АЛЕКСАНДРОВИЧ','ҚАЙРАТҰЛЫ','МАРАТОВНА']
CIT=['АЛМАТЫ','АСТАНА','ҚАРАҒАНДЫ ОБЛЫСЫ','ШЫМКЕНТ','ТҮРКІСТАН ОБЛЫСЫ','АҚТӨБЕ']
def cd(s):
    v=0
    for i,c in enumerate(s): v+=(ord(c)-48 if c.isdigit() else 0 if c=='<' else ord(c)-55)*(7,3,1)[i%3]
    return str(v%10)
def iin():
    while True:
        y,m,d=R.randint(60,105),R.randint(1,12),R.randint(1,28)
        s='%02d%02d%02d%d%04d'%(y%100,m,d,(3 if y<100 else 5)+R.randint(0,1),R.randint(0,9999))
        k=sum(int(c)*(i+1) for i,c in enumerate(s))%11
        if k==10: k=sum(int(c)*w for c,w in zip(s,[3,4,5,6,7,8,9,10,11,1,2]))%11
        if k<10: return s+str(k)
def person():
    s,n=R.choice(SUR),R.choice(NAM); i=iin(); doc='%09d'%R.randint(0,999999999)
    return dict(s=s,n=n,p=R.choice(PAT),iin=i,doc=doc,exp='%02d%02d%02d'%(R.randint(26,38),R.randint(1,12),R.randint(1,28)),sex=R.choice('MF'))
def td1(p):
    l1=('IDKAZ'+p['doc']+cd(p['doc'])+p['iin']).ljust(30,'<')
    b=p['iin'][:6]; l2=b+cd(b)+p['sex']+p['exp']+cd(p['exp'])+'KAZ'; l2=l2.ljust(29,'<')
    l2+=cd(l1[5:30]+l2[0:7]+l2[8:15]+l2[18:29])
    return [l1,l2,(p['s'][1]+'<<'+p['n'][1]).ljust(30,'<')[:30]]
def td3(p):
    no='N'+p['doc'][:8]; b=p['iin'][:6]
    l1=('P<KAZ'+p['s'][1]+'<<'+p['n'][1]).ljust(44,'<')[:44]
    opt=p['iin'].ljust(14,'<'); l2=no+cd(no)+'KAZ'+b+cd(b)+p['sex']+p['exp']+cd(p['exp'])+opt+cd(opt)
    l2+=cd(l2[0:10]+l2[13:20]+l2[21:43]); return [l1,l2]
# faces: NASA portrait (public domain, in scikit-image) + drawn ones
try:
    from skimage import data as skd
    AST=Image.fromarray(skd.astronaut()[0:270,120:330])
except Exception: AST=None
def face(w,h):
    if AST is not None and R.random()<0.5:
        im=AST.resize((w,h))
        if R.random()<0.5: im=im.transpose(Image.FLIP_LEFT_RIGHT)
        if R.random()<0.5: im=im.convert('L').convert('RGB')
        return im
    im=Image.new('RGB',(w,h),tuple(R.randint(190,240) for _ in range(3))); d=ImageDraw.Draw(im)
    sk=R.choice([(224,180,150),(200,150,120),(240,200,175)]); hr=R.choice([(30,25,20),(80,50,30),(120,110,100)])
    d.ellipse((w*.1,h*.72,w*.9,h*1.3),fill=R.choice([(30,40,80),(60,60,60),(120,20,30)]))
    d.rectangle((w*.4,h*.6,w*.6,h*.8),fill=sk)
    d.ellipse((w*.2,h*.08,w*.8,h*.6),fill=hr); d.ellipse((w*.25,h*.17,w*.75,h*.72),fill=sk)
    for x in (.38,.62):
        d.ellipse((w*(x-.06),h*.38,w*(x+.06),h*.43),fill=(250,250,250)); d.ellipse((w*(x-.025),h*.38,w*(x+.025),h*.43),fill=(40,30,20)); d.line((w*(x-.07),h*.35,w*(x+.07),h*.34),fill=hr,width=max(1,w//40))
    d.line((w*.5,h*.42,w*.47,h*.53,w*.52,h*.53),fill=(150,100,80),width=max(1,w//60)); d.ellipse((w*.42,h*.59,w*.58,h*.62),fill=(170,80,80))
    return im.filter(ImageFilter.GaussianBlur(w/80))
def guilloche(im,c=(180,205,220),n=40):
    d=ImageDraw.Draw(im); w,h=im.size; a=R.uniform(.02,.08)*h; f=R.uniform(1,4)
    for k in range(n):
        pts=[(x,h*k/n+a*math.sin(f*6.28*x/w+k*.35)) for x in range(0,w+1,max(4,w//120))]
        d.line(pts,fill=c,width=1)
DPM=600/25.4 # master px per mm
def card_base(mm=(85.6,54)):
    w,h=int(mm[0]*DPM),int(mm[1]*DPM); bg=R.choice([(214,232,238),(225,236,225),(236,232,214),(222,226,240)])
    im=Image.new('RGB',(w,h),bg); guilloche(im,tuple(max(0,c-R.randint(12,35)) for c in bg)); return im
def T(d,x,y,s,mm,font=None,fill=(20,20,30),bold=False):
    f=F(font or (SANSF[1] if bold else SANSF[0]),mm*DPM); d.text((x*DPM,y*DPM),s,font=f,fill=fill); return f.getlength(s)/DPM
def setfont():
    global SANSF; i=R.randrange(len(SANS)); SANSF=(SANS[i],BOLD[min(i,len(BOLD)-1)])
def id_front(p):
    setfont(); im=card_base(); d=ImageDraw.Draw(im); ac=R.choice([(20,60,110),(10,90,90),(90,30,40)])
    T(d,4,2.2,'ҚАЗАҚСТАН РЕСПУБЛИКАСЫ',2.9,fill=ac,bold=True); T(d,47,2.4,'РЕСПУБЛИКА КАЗАХСТАН',2.6,fill=ac,bold=True)
    T(d,4,6.2,'ЖЕКЕ КУӘЛІК',2.7,fill=ac,bold=True); T(d,40,6.3,'УДОСТОВЕРЕНИЕ ЛИЧНОСТИ',2.5,fill=ac,bold=True)
    im.paste(face(int(24*DPM),int(31*DPM)),(int(4*DPM),int(12*DPM)))
    y=11
    for lab,val in (('ТЕГІ / ФАМИЛИЯ',p['s'][0]),('АТЫ / ИМЯ',p['n'][0]),('ӘКЕСІНІҢ АТЫ / ОТЧЕСТВО',p['p']),('ТУҒАН КҮНІ / ДАТА РОЖДЕНИЯ','%s.%s.19%s'%(p['iin'][4:6],p['iin'][2:4],p['iin'][:2]))):
        T(d,31,y,lab,1.6,fill=(90,90,100)); T(d,31,y+2.2,val,3.0,bold=True); y+=7.6
    T(d,31,43.5,'ЖСН / ИИН',1.8,fill=(90,90,100)); T(d,31,46,p['iin'],3.6,bold=True)
    T(d,4,45,'KAZ',2.2,fill=ac)
    return im
def mrz_draw(im,lines,x,y,mm_pitch=2.54,lead=4.2):
    d=ImageDraw.Draw(im); fp=R.choice([OB+'OCRB.otf',OB+'OCRB.otf',OB+'OCRBS.otf']); f=F(fp,3.55*DPM)
    ink=R.choice([(10,10,10),(25,25,30),(40,40,45)])
    for r,l in enumerate(lines):
        for c,ch in enumerate(l):
            d.text(((x+c*mm_pitch)*DPM,(y+r*lead)*DPM),ch,font=f,fill=ink)
def id_back(p):
    setfont(); im=card_base(); d=ImageDraw.Draw(im)
    T(d,5,2.5,'№ '+p['doc'],3.4,bold=True)
    y=8
    for lab,val in (('ТУҒАН ЖЕРІ / МЕСТО РОЖДЕНИЯ',R.choice(CIT)),('ҰЛТЫ / НАЦИОНАЛЬНОСТЬ',R.choice(['ҚАЗАҚ','РУССКИЙ','УЗБЕК'])),('БЕРГЕН ОРГАН / ОРГАН ВЫДАЧИ','ҚР ІІМ / МВД РК'),('БЕРІЛГЕН КҮНІ - ҚОЛДАНУ МЕРЗІМІ','12.03.2019 - 11.03.2029')):
        T(d,5,y,lab,1.5,fill=(90,90,100)); T(d,5,y+2,val,2.5,bold=True); y+=6.2
    d.rectangle((64*DPM,4*DPM,78*DPM,12*DPM),fill=R.choice([(200,170,80),(190,190,195)]))
    L=td1(p); mrz_draw(im,L,4.6,39.2); return im,L
def passport(p):
    setfont(); im=card_base((125,88)); d=ImageDraw.Draw(im); L=td3(p)
    T(d,4,3,'ҚАЗАҚСТАН РЕСПУБЛИКАСЫ / REPUBLIC OF KAZAKHSTAN',2.8,bold=True,fill=(20,60,110)); T(d,4,8,'ПАСПОРТ / PASSPORT',2.6,bold=True); T(d,60,8,'P   KAZ   '+L[1][:9],3)
    im.paste(face(int(35*DPM),int(45*DPM)),(int(4*DPM),int(14*DPM))); y=14
    for lab,val in (('ТЕГІ / SURNAME',p['s'][0]+' / '+p['s'][1]),('АТЫ / GIVEN NAMES',p['n'][0]+' / '+p['n'][1]),('АЗАМАТТЫҒЫ / NATIONALITY','ҚАЗАҚСТАН / KAZAKHSTAN'),('ТУҒАН КҮНІ / DATE OF BIRTH','12.03.1985'),('ЖЕКЕ № / PERSONAL No',p['iin']),('БЕРГЕН ОРГАН / AUTHORITY','ІШКІ ІСТЕР МИНИСТРЛІГІ')):
        T(d,44,y,lab,1.8,fill=(90,90,100)); T(d,44,y+2.3,val,2.9,bold=True); y+=8.2
    mrz_draw(im,L,5.5,68.5,lead=6.3); return im,L
def cert(p):
    setfont(); w,h=210,297; im=Image.new('RGB',(int(w*DPM/2),int(h*DPM/2)),(250,248,240))
    d=ImageDraw.Draw(im); k=DPM/2
    def t(x,y,s,mm,b=False): 
        f=F(SANSF[1] if b else SANSF[0],mm*k); d.text((x*k,y*k),s,font=f,fill=(25,25,40))
    for j in range(3): d.rectangle((8*k+j*5,8*k+j*5,(w-8)*k-j*5,(h-8)*k-j*5),outline=(60,120,90))
    t(55,25,'ҚАЗАҚСТАН РЕСПУБЛИКАСЫ',6,True); t(58,35,'РЕСПУБЛИКА КАЗАХСТАН',6,True)
    kind=R.choice([('ТУУ ТУРАЛЫ КУӘЛІК','СВИДЕТЕЛЬСТВО О РОЖДЕНИИ'),('НЕКЕ ҚИЮ ТУРАЛЫ КУӘЛІК','СВИДЕТЕЛЬСТВО О ЗАКЛЮЧЕНИИ БРАКА')])
    t(50,50,kind[0],7,True); t(40,62,kind[1],7,True); y=85
    for lab,val in (('Тегі / Фамилия',p['s'][0]),('Аты / Имя',p['n'][0]),('Әкесінің аты / Отчество',p['p']),('Туған күні / Дата рождения','12.03.1985'),('ЖСН / ИИН',p['iin']),('Туған жері / Место рождения',R.choice(CIT)),('Азаматтығы / Гражданство','ҚАЗАҚСТАН'),('Тіркеу органы / Орган регистрации','АХАЖ бөлімі / отдел ЗАГС')):
        t(25,y,lab,4); t(100,y,val,5,True); y+=16
    t(25,260,'№ '+p['doc'],5,True); return im
LOR='Настоящий договор заключен между сторонами и определяет порядок оказания услуг. Заказчик обязуется оплатить работу в срок. Тараптар осы шарттың талаптарын орындауға міндеттенеді және жауапкершілік алады. Исполнитель предоставляет отчет по форме приложения. The parties agree to the terms below and keep the information confidential.'.split()
def para(n): return [' '.join(R.choice(LOR) for _ in range(R.randint(7,11))) for _ in range(n)]
def page(): return Image.new('RGB',(1654,2339),(255,255,255))
def neg_contract():
    im=page(); d=ImageDraw.Draw(im); setfont(); f=F(R.choice(SANS+SERIF),28); y=120
    d.text((520,60),'ДОГОВОР № %d ОКАЗАНИЯ УСЛУГ'%R.randint(1,999),font=F(SANSF[1],34),fill=0)
    for l in para(R.randint(20,40)): d.text((120,y),l,font=f,fill=(20,20,20)); y+=40
    if R.random()<.7: d.text((120,y+10),'БИН %012d  ИИК KZ%018d'%(R.randint(0,10**12-1),R.randint(0,10**17)),font=f,fill=0)
    if R.random()<.5: d.text((120,y+60),'Исполнитель: %s, ИИН %s'%(R.choice(SUR)[0].title(),iin()),font=f,fill=0); 
    if R.random()<.3: d.text((120,y+110),'удостоверение личности № 012345678 выдано МВД РК',font=f,fill=0)
    return im
def neg_table():
    im=page(); d=ImageDraw.Draw(im); setfont(); f=F(SANSF[0],22); nr,ncol=R.randint(12,45),R.randint(4,9); x0,y0,w=80,200,1500
    d.text((500,90),R.choice(['СЧЕТ-ФАКТУРА № 124','INVOICE 2024-118','АКТ ВЫПОЛНЕННЫХ РАБОТ','ВЕДОМОСТЬ']),font=F(SANSF[1],40),fill=0)
    for r in range(nr+1): d.line((x0,y0+r*44,x0+w,y0+r*44),fill=(60,60,60),width=2)
    for c in range(ncol+1): d.line((x0+c*w//ncol,y0,x0+c*w//ncol,y0+nr*44),fill=(60,60,60),width=2)
    for r in range(nr):
        for c in range(ncol): d.text((x0+c*w//ncol+8,y0+r*44+8),R.choice([str(R.randint(1,99999)),'%.2f'%R.uniform(0,1e5),R.choice(LOR)[:10],'%012d'%R.randint(0,10**12-1) if R.random()<.2 else '-']),font=f,fill=(20,20,20))
    return im
def neg_code():
    w,h=R.choice([(1920,1080),(1366,768),(1600,900)]); dark=R.random()<.6; im=Image.new('RGB',(w,h),(30,30,34) if dark else (250,250,250)); d=ImageDraw.Draw(im); f=F(R.choice(MONO+[OB+'OCRB.otf']),R.choice([16,18,20,24])); y=20; cs=[(220,220,220),(120,200,140),(240,190,110),(130,170,250)] if dark else [(30,30,30),(20,110,50),(150,70,10),(30,60,170)]
    SN=['let v: Vec<Vec<u8>> = data.iter().map(|x| x << 3).collect();','<<<<<<< HEAD','=======','>>>>>>> feature/login','std::cout << "value" << x << std::endl;','for i in 0..n { sum += a[i] * w[i % 3]; }','0x7F454C46 0201 0100 0000 0000 0000 0000','ABCDEF0123456789ABCDEF0123456789ABCDEF01','if (a<b && b<c) return a<<2;','MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC','P<UTO<<EXAMPLE<STRING','template<typename T> class Foo<Bar<T>>;']
    while y<h-30: d.text((R.choice([20,60,100]),y),R.choice(SN),font=f,fill=R.choice(cs)); y+=int(f.size*1.5)
    return im
def neg_chart():
    w,h=1200,800; im=Image.new('RGB',(w,h),(255,255,255)); d=ImageDraw.Draw(im); f=F(SANS[0],20)
    for i in range(12): d.rectangle((80+i*90,700-R.randint(50,600),140+i*90,700),fill=tuple(R.randint(30,230) for _ in range(3))); d.text((85+i*90,710),'%02d.24'%(i+1),font=f,fill=0)
    for i in range(8): d.line((60,100+i*80,1180,100+i*80),fill=(210,210,210)); d.text((10,90+i*80),str((8-i)*100),font=f,fill=0)
    d.text((400,20),'Выручка по месяцам, млн тг',font=F(BOLD[0],30),fill=0); return im
PH=[]
try:
    for n in ('astronaut','camera','coffee','chelsea','rocket','coins','moon','page','clock','hubble_deep_field','text','brick','grass','gravel','cat'):
        try:
            a=getattr(skd,n)(); PH.append(Image.fromarray(a).convert('RGB'))
        except Exception: pass
except Exception: pass
def neg_photo():
    if PH and R.random()<.8:
        im=R.choice(PH); k=R.uniform(1,3); im=im.resize((int(im.width*k),int(im.height*k)))
        x=R.randint(0,im.width//4); y=R.randint(0,im.height//4); return im.crop((x,y,im.width-R.randint(0,im.width//5),im.height-R.randint(0,im.height//5)))
    a=np.random.rand(R.randint(3,12),R.randint(3,12),3).astype(np.float32); return Image.fromarray((cv2.resize(a,(1600,1100),interpolation=cv2.INTER_CUBIC).clip(0,1)*255).astype(np.uint8))
def neg_bizcard():
    im=card_base((90,50)); d=ImageDraw.Draw(im); setfont(); p=person(); T(d,6,8,p['n'][0].title()+' '+p['s'][0].title(),4.5,bold=True); T(d,6,15,'Руководитель отдела продаж',2.6)
    T(d,6,25,'ТОО «Қазақстан Сауда»',3,bold=True); T(d,6,32,'+7 701 %07d'%R.randint(0,9999999),3); T(d,6,37,'info@example.kz  www.example.kz',2.6); T(d,6,42,'Республика Казахстан, г. Алматы',2.4)
    if R.random()<.3: im.paste(face(int(18*DPM),int(24*DPM)),(int(66*DPM),int(6*DPM)))
    return im
def neg_bank():
    im=card_base(); d=ImageDraw.Draw(im); d.rectangle((0,0,im.width,im.height),fill=R.choice([(20,40,90),(120,20,30),(20,90,60)])); d.rectangle((8*DPM,16*DPM,20*DPM,25*DPM),fill=(200,170,80))
    f=R.choice([OB+'OCRB.otf','/usr/share/fonts/truetype/ocr-a/OCRA.ttf',LB+'LiberationSans-Bold.ttf'])
    T(d,8,29,' '.join('%04d'%R.randint(0,9999) for _ in range(4)),5,font=f,fill=(230,230,230)); T(d,8,42,person()['n'][1]+' '+person()['s'][1],3.4,font=f,fill=(230,230,230)); T(d,40,37,'09/28',3,font=f,fill=(230,230,230)); return im
def neg_receipt():
    n=R.randint(20,45); im=Image.new('RGB',(576,n*34+120),(250,250,248)); d=ImageDraw.Draw(im); f=F(R.choice(MONO),24); y=20
    for i in range(n): d.text((16,y),R.choice(['ХЛЕБ БОРОДИНСКИЙ    %d.00'%R.randint(50,900),'ИТОГО:        %d.00'%R.randint(500,9999),'-'*36,'='*36,'<'*30,'ФИСКАЛЬНЫЙ ЧЕК %d'%R.randint(1,99999),'БИН %012d'%R.randint(0,10**12-1),'РНМ 010100%06d'%R.randint(0,999999),'КАССИР: '+R.choice(SUR)[0]]),font=f,fill=(50,50,50)); y+=34
    return im
def neg_meme():
    im=neg_photo().resize((900,700)); d=ImageDraw.Draw(im); f=F(BOLD[0],60); d.text((60,20),R.choice(['КОГДА ДЕДЛАЙН','WHEN THE BUILD','БҮГІН ДЕМАЛЫС']),font=f,fill=(255,255,255),stroke_width=4,stroke_fill=0); d.text((60,600),R.choice(['УЖЕ ЗАВТРА','FINALLY PASSES','ЕРТЕҢ ЖҰМЫС']),font=f,fill=(255,255,255),stroke_width=4,stroke_fill=0); return im
def neg_barcode():
    im=Image.new('RGB',(1200,700),(255,255,255)); d=ImageDraw.Draw(im); x=80
    while x<1100: w=R.choice([3,3,6,9]); d.rectangle((x,80,x+w,400),fill=0); x+=w+R.choice([3,3,6,9])
    d.text((200,420),''.join(str(R.randint(0,9)) for _ in range(R.choice([13,20,30]))),font=F(OB+'OCRB.otf',44),fill=0)
    try:
        import segno; b=io.BytesIO(); segno.make('https://example.kz/%d'%R.randint(0,1<<40)).save(b,kind='png',scale=6); b.seek(0); im.paste(Image.open(b).convert('RGB'),(900,440))
    except Exception: pass
    return im
def neg_ticket():
    im=Image.new('RGB',(1600,700),(245,245,250)); d=ImageDraw.Draw(im); f=F(MONO[0],34); p=person(); y=60
    for s in ['BOARDING PASS  KC%03d  ALA - NQZ'%R.randint(100,999),p['s'][1]+'/'+p['n'][1]+' MR','SEAT 14C   GATE B2   BOARDING 08:35','ETKT 465%010d'%R.randint(0,10**10-1),'>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>','M1'+p['s'][1]+'/'+p['n'][1]+' E8K2LMN ALANQZKC 0%03d 123Y014C0045 100'%R.randint(100,999)]: d.text((60,y),s,font=f,fill=(20,20,20)); y+=90
    return im
def neg_badge():
    im=card_base((54,85.6)); d=ImageDraw.Draw(im); setfont(); p=person(); im.paste(face(int(28*DPM),int(34*DPM)),(int(13*DPM),int(14*DPM))); T(d,8,4,'ПРОПУСК',5,bold=True); T(d,8,54,p['s'][0],4,bold=True); T(d,8,60,p['n'][0],4); T(d,8,67,'Таб. № %06d'%R.randint(0,999999),3); return im
def neg_badmrz():
    # MRZ-shaped text with broken check digits / specimen text in an article
    im=page(); d=ImageDraw.Draw(im); f=F(SANS[0],28); y=100
    for l in para(14): d.text((120,y),l,font=f,fill=0); y+=40
    f=F(OB+'OCRB.otf',40)
    for i in range(R.choice([1,2,3])):
        s=''.join(R.choice('ABCDEFGHIKLMNOPRSTUVY0123456789<<<<') for _ in range(R.choice([30,36,44,38]))); 
        for c,ch in enumerate(s): d.text((140+c*29,y+40),ch,font=f,fill=0)
        y+=60
    y+=80
    for l in para(14): d.text((120,y),l,font=F(SANS[0],28),fill=0); y+=40
    return im
# ---------- degradations
def rs(im,dpi,base=600): k=dpi/base; return im.resize((max(8,int(im.width*k)),max(8,int(im.height*k))),Image.LANCZOS)
def rot(a,deg,bg):
    h,w=a.shape[:2]; M=cv2.getRotationMatrix2D((w/2,h/2),deg,1); c,s=abs(M[0,0]),abs(M[0,1]); W,H=int(h*s+w*c),int(h*c+w*s); M[0,2]+=W/2-w/2; M[1,2]+=H/2-h/2
    return cv2.warpAffine(a,M,(W,H),borderValue=bg,flags=cv2.INTER_LINEAR)
def persp(a,k,bg):
    h,w=a.shape[:2]; s=np.float32([[0,0],[w,0],[w,h],[0,h]]); m=k*min(w,h); t=s+np.float32([[R.uniform(0,m),R.uniform(0,m)],[-R.uniform(0,m),R.uniform(0,m)],[-R.uniform(0,m),-R.uniform(0,m)],[R.uniform(0,m),-R.uniform(0,m)]])
    return cv2.warpPerspective(a,cv2.getPerspectiveTransform(s,t),(w,h),borderValue=bg)
def degrade(im,base=600,force=None,card=True):
    m={}; mode=force or R.choices(['scan','photo','copy','screen'],[4,4,2,0.0])[0]; m['mode']=mode
    if base: m['dpi']=R.choices([150,200,300],[3,3,3])[0]; a=np.asarray(rs(im,m['dpi'],base))
    else: a=np.asarray(im)
    a=a[...,::-1].copy()
    if mode in('scan','copy'):
        bg=(255,255,255) if R.random()<.8 else (235,235,235)
        if card:
            px=int(.15*a.shape[1]); a=cv2.copyMakeBorder(a,px,px,px,px,cv2.BORDER_CONSTANT,value=bg)
        g=R.choices([0,90,180,270],[5,2,2,2])[0]; sk=R.gauss(0,2.0); m['rot']=g+sk; a=rot(a,g+sk,bg)
    elif mode=='photo':
        bg=tuple(R.randint(30,200) for _ in range(3))
        if card:
            px=int(R.uniform(.1,.5)*a.shape[1]); a=cv2.copyMakeBorder(a,px,px,px,px,cv2.BORDER_CONSTANT,value=bg)
        k=R.uniform(0,.12); m['persp']=k; a=persp(a,k,bg); g=R.choices([0,90,180,270,R.uniform(0,360)],[4,1,1,1,3])[0]; m['rot']=g+R.gauss(0,4); a=rot(a,m['rot'],bg)
        H,Wd=a.shape[:2]; grad=cv2.resize(np.random.uniform(.55,1.1,(3,3)).astype(np.float32),(Wd,H),interpolation=cv2.INTER_CUBIC)[...,None]; low=R.choice([1,1,.8,.45]); m['light']=low
        a=np.clip(a*grad*low,0,255)
        if R.random()<.25: # glare
            cx,cy,rr=R.randint(0,Wd),R.randint(0,H),R.uniform(.05,.2)*Wd; yy,xx=np.mgrid[0:H,0:Wd]; a=np.clip(a+180*np.exp(-((xx-cx)**2+(yy-cy)**2)/(2*rr*rr))[...,None],0,255); m['glare']=1
    a=a.astype(np.float32)
    if mode!='screen' and R.random()<.55: s=R.uniform(.4,1.5)*(m.get('dpi',200)/200); m['blur']=s; a=cv2.GaussianBlur(a,(0,0),s)
    n=abs(R.gauss(0,6 if mode!='photo' else 9)); m['noise']=n; a=a+np.random.randn(*a.shape)*n
    a=np.clip(a,0,255).astype(np.uint8)
    if mode=='copy':
        g=cv2.cvtColor(a,cv2.COLOR_BGR2GRAY).astype(np.float32); c=R.uniform(1.4,3); g=np.clip((g-128)*c+128+R.uniform(-10,40),0,255).astype(np.uint8)
        if R.random()<.4: g=((g>R.randint(110,160))*255).astype(np.uint8); m['bw']=1
        for _ in range(R.randint(20,200)): g[R.randrange(g.shape[0]),R.randrange(g.shape[1])]=0
        a=cv2.cvtColor(g,cv2.COLOR_GRAY2BGR)
    return a,m
META=[]
def save(a,label,m,mrz=None):
    i=len(META); q=R.choice([30,45,60,75,85,90]); ext=R.choices(['jpg','png','tif','webp','bmp'],[7,2,.6,.6,.3])[0]; ext=ext if ext in('jpg','png') else 'png'
    fn='%s_%04d.%s'%(label,i,ext)
    if ext=='jpg': cv2.imwrite(OUT+'/'+fn,a,[1,q])
    else: cv2.imwrite(OUT+'/'+fn,a)
    m.update(file=fn,label=label,q=q,w=a.shape[1],h=a.shape[0]); 
    if mrz: m['mrz']=mrz
    META.append(m)
N=lambda n:max(1,int(n*SCALE))
for _ in range(N(120)): im,L=id_back(person()); a,m=degrade(im); save(a,'idback',m,L)
for _ in range(N(120)): p=person(); a,m=degrade(id_front(p)); m['iin']=p['iin']; save(a,'idfront',m)
for _ in range(N(100)): im,L=passport(person()); a,m=degrade(im); save(a,'passport',m,L)
def sheet(n):
    d=R.choice([150,200,300]); W,Hh=int(210/25.4*d),int(297/25.4*d); pg=Image.new('RGB',(W,Hh),(255,255,255)); y=int(20/25.4*d); mr=[]
    p=person(); items=[id_front(p),id_back(p)] if n==2 else [id_back(person()) for _ in range(n)]
    for it in items:
        L=None
        if isinstance(it,tuple): it,L=it
        c=rs(it,d); pg.paste(c,(R.randint(0,max(1,W-c.width)),y)); y+=c.height+int(R.uniform(5,20)/25.4*d)
        if L: mr.append(L)
    a,m=degrade(pg,base=None,force=R.choice(['scan','copy']),card=False); m['dpi']=d; return a,m,mr
for _ in range(N(50)): a,m,mr=sheet(R.choice([2,2,2,3,4])); save(a,'sheet',m,mr[0])
for _ in range(N(30)): p=person(); a,m=degrade(cert(p),base=300,force=R.choice(['scan','scan','copy']),card=False); save(a,'cert',m)
NEG=[(neg_contract,30,200,0),(neg_table,25,200,0),(neg_code,25,None,'screen'),(neg_chart,12,None,'screen'),(neg_photo,30,None,'screen'),(neg_bizcard,20,600,0),(neg_bank,15,600,0),(neg_receipt,20,None,0),(neg_meme,12,None,'screen'),(neg_barcode,15,None,0),(neg_ticket,12,None,0),(neg_badge,12,600,0),(neg_badmrz,24,200,0)]
for fn,n,base,force in NEG:
    for _ in range(N(n)):
        im=fn()
        if base==200:
            a,m=degrade(im,base=None,force=R.choice(['scan','copy','photo']),card=False); m['dpi']=200
        else: a,m=degrade(im,base=base,force=force or None,card=bool(base))
        save(a,'neg'+fn.__name__[4:],m)
json.dump(META,open(OUT+'/meta.json','w'),ensure_ascii=False,indent=0)
from collections import Counter; print(Counter(m['label'] for m in META))
