"""Trains the reader of labels: words_train.py STEPS OUT.f16; of w_train.npz, and w_test.npz is looked at (words_gen.py)."""
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from words_gen import ALPHABET, EMPTY

CLASSES = len(ALPHABET) + 1
C = [16, 24, 40, 80, 80]
SHAPES = [('c1', (3, 3, 1, C[0])), ('c2', (3, 3, C[0], C[1])), ('c3', (3, 3, C[1], C[2])), ('c4', (3, 3, C[2], C[3])),
          ('c5', (1, 7, C[3], C[4])), ('c6', (1, 1, C[4], CLASSES))]
STEPS = [((2, 2), ((1, 1), (1, 1))), ((2, 1), ((1, 1), (1, 1))), ((2, 1), ((1, 1), (1, 1))), ((1, 1), ((0, 0), (1, 1))),
         ((1, 1), ((0, 0), (3, 3))), ((1, 1), ((0, 0), (0, 0)))]


def forward(p, x):
    for i, ((name, _), (step, pad)) in enumerate(zip(SHAPES, STEPS)):
        x = jax.lax.conv_general_dilated(x, p[name + 'w'], step, pad, dimension_numbers=('NHWC', 'HWIO', 'NHWC')) + p[name + 'b']
        x = jax.nn.relu(x) if i + 1 < len(SHAPES) else x
    return x[:, 0]


def norm(X):
    x = X.astype(np.float32)
    return ((x - x.mean((1, 2), keepdims=True)) / (x.std((1, 2), keepdims=True) + 4))[..., None]


def loss(p, x, y):
    each = optax.softmax_cross_entropy_with_integer_labels(forward(p, x), y)
    return (each * jnp.where(y == EMPTY, .6, 1.)).mean()


def texts(scores):
    out = []
    for row in scores.argmax(-1):
        said, before = [], -1
        for c in row:
            if c != before and c != EMPTY:
                said.append(int(c))
            before = c
        out.append(said)
    return out


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        below = [i + 1]
        for j, y in enumerate(b):
            below.append(min(row[j + 1] + 1, below[j] + 1, row[j] + (x != y)))
        row = below
    return row[-1]


def main():
    steps, batch = int(sys.argv[1]), 32
    d, t = np.load('w_train.npz'), np.load('w_test.npz')
    X, Y, Xt, Yt = d['X'], d['Y'].astype(np.int32), norm(t['X']), t['Y'].astype(np.int32)
    key, p = jax.random.PRNGKey(1), {}
    for name, shape in SHAPES:
        key, k = jax.random.split(key)
        p[name + 'w'] = jax.random.normal(k, shape) * np.sqrt(2 / (shape[0] * shape[1] * shape[2]))
        p[name + 'b'] = jnp.zeros(shape[3])
    opt = optax.adamw(optax.cosine_onecycle_schedule(steps, 5e-3, .12), weight_decay=1e-4)
    state = opt.init(p)

    @jax.jit
    def step(p, state, x, y):
        value, g = jax.value_and_grad(loss)(p, x, y)
        u, state = opt.update(g, state, p)
        return optax.apply_updates(p, u), state, value

    read = jax.jit(forward)
    rng, start, losses = np.random.default_rng(5), time.time(), []
    order = np.concatenate([rng.permutation(len(X)) for _ in range(steps * batch // len(X) + 1)])
    truth = texts(np.eye(CLASSES)[Yt])
    for i in range(1, steps + 1):
        at = order[(i - 1) * batch:i * batch]
        p, state, value = step(p, state, norm(X[at]), Y[at])
        losses.append(float(value))
        if i % 250 == 0 or i in (20, steps):
            rate = sum(map(distance, texts(np.asarray(read(p, Xt))), truth)) / sum(map(len, truth))
            print('%d loss %.4f wrong letters %.4f %.0f s' % (i, np.mean(losses[-250:]), rate, time.time() - start), flush=True)
            with open(sys.argv[2], 'wb') as out:
                for name, _ in SHAPES:
                    for part in 'wb':
                        out.write(np.asarray(p[name + part], np.float16).tobytes())


if __name__ == '__main__':
    main()
