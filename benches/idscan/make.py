"""Writes a set of pictures: make.py SEED OUT CLASS=COUNT|CLASS=FROM-TO ...

Classes with a document: td1 td2 td3 mrva mrvb phone sheet and those of labels.py (front licence permit certificate copies
single); without: those of negatives.py, labels.py (blank filled screen roster prose service) and office.py. Beside the pictures stands
OUT/<class>.tsv: file, dpi, cut of the letters (or class), mode of the damage.
"""
import os
import sys

import labels
import office
import second
from negatives import NEGATIVES

# Those of an office come turned and photographed already.
NEGATIVES = NEGATIVES | labels.NEGATIVES | office.NEGATIVES

seed, out = sys.argv[1], sys.argv[2]
os.makedirs(out, exist_ok=True)
for order in sys.argv[3:]:
    label, count = order.split('=')
    first, _, last = count.rpartition('-')
    with open(os.path.join(out, label + '.tsv'), 'a') as note:
        for i in range(int(first or 0), int(last)):
            second.start('%s/%s/%d' % (seed, label, i))
            stem = '%s_%05d' % (label, i)
            if label in second.SIZES:
                second.positive(label, out, stem, note)
            elif label in ('phone', 'sheet'):
                getattr(second, label)(out, stem, note)
            elif label in labels.LABELLED:
                labels.LABELLED[label](label, out, stem, note)
            else:
                im, mode = NEGATIVES[label](second.R)
                im = second.scene(im, mode) if mode == 'photo' and label not in office.NEGATIVES else im
                second.save(second.damage(im, mode), out, stem, mode, note, 0, label)
