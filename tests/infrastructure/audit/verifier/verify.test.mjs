// node --test verify.test.mjs. All vectors come from the page itself, "audit-trail.md".
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createCipheriv, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from './verify.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const page = readFileSync(join(here, '../../../../docs/explanation/audit-trail.md'), 'utf8');
const block = /```text\n([^]*?)```/.exec(page.slice(page.indexOf('## Test vectors')))[1];
const V = Object.fromEntries(block.trim().split('\n\n').map((pair) => pair.split(/:\n/, 2)));
const [K, SK, S] = [Buffer.from(V['audit key'], 'base64'), Buffer.from(V["auditor's private key"], 'base64'), Buffer.from(V['S of chain B, hex'], 'hex')];
const [A, B] = ['000102030405060708090a0b0c0d0e0f', '101112131415161718191a1b1c1d1e1f'];
const linesA = [0, 1, 2].map((i) => V[`line ${i} of chain A`]);
const linesB = [0, 1].map((i) => V[`line ${i} of chain B`]);
const [anchorA, anchorB] = [V['anchor of chain A'], V['anchor of chain B']];

const dir = mkdtempSync(join(tmpdir(), 'audit-test-'));
process.on('exit', () => rmSync(dir, { recursive: true }));
let files = 0;
const file = (lines) => {
  const name = join(dir, `f${files++}`);
  writeFileSync(name, Array.isArray(lines) ? lines.map((l) => l + '\n').join('') : lines);
  return name;
};
const NOW = Date.parse('2026-11-28T04:00:00Z');
/** Findings as sorted "kind seq", for lines and anchors. The times are those of the vectors. */
function run(lines, anchors, more = {}) {
  const { after, ...options } = more;
  const list = Array.isArray(lines?.[0]) ? lines.map(file) : [file(lines)];
  const r = v.verify({
    keys: [K], privateKeys: [SK], allowPlain: true, now: NOW, files: list,
    anchors: anchors ? [file(anchors)] : [], after: after ? [file(after)] : [], ...options });
  return { ...r, short: r.findings.map((f) => f.split(' ').filter((_, i) => i !== 1 && i !== 3).join(' ')).sort() };
}
const expect = (r, ...findings) => {
  assert.deepEqual(r.short, findings.sort());
  assert.equal(r.status, findings.length ? 1 : 0);
};

// ---- a writer of chains, for the examples

function seal(secret, pkR, chain) {
  const { privateKey } = generateKeyPairSync('x25519');
  const enc = v.rawPublic(privateKey);
  const { key, nonce } = v.hpkeKey(diffieHellman({ privateKey, publicKey: v.x25519Public(pkR) }), enc, pkR, `open-mfa audit secret 1 ${chain}`);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([enc, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString('base64');
}
class Chain {
  constructor({ id = randomBytes(16).toString('hex'), sealed = false, source = 'serve@x', heads = {}, key = K } = {}) {
    Object.assign(this, { id, source, key, keyId: v.keyId(key), lines: [], n: 0 });
    const secret = sealed ? randomBytes(32) : Buffer.alloc(0);
    this.sealed = sealed ? seal(secret, Buffer.from(V["auditor's public key"], 'base64'), id) : null;
    this.k = v.firstKey(key, secret, id);
    this.add('chain-started', `,"chain_format":1,"key":"${this.keyId}"${this.sealed ? `,"sealed":"${this.sealed}"` : ''},"source":"${source}","heads":${JSON.stringify(heads)}`);
  }
  get time() { return new Date(Date.parse('2026-11-28T03:00:00.000Z') + this.n * 1000).toISOString(); }
  add(message, rest = '') {
    this.last = this.time;
    const P = `{"time":"${this.last}","level":"INFO","logger":"open_mfa.audit","message":"${message}"${rest},"chain":"${this.id}","seq":${this.n}`;
    this.lines.push(`${P},"mac":"${v.lineMac(this.k, P)}"}`);
    this.k = v.nextKey(this.k);
    this.n++;
    return this;
  }
  more(n) { for (let i = 0; i < n; i++) this.add('judged', ',"account":"alice"'); return this; }
  anchor() {
    const sealed = this.sealed ? `"${this.sealed}"` : 'null';
    const text = `{"anchor":1,"chain":"${this.id}","seq":${this.n - 1},"started":"2026-11-28T03:00:00.000Z","last":"${this.last}","time":"${this.last}","source":"${this.source}","key":"${this.keyId}","sealed":${sealed}`;
    return `${text},"mac":"${v.anchorMac(this.k, text)}"}`;
  }
  head() { return { [this.id]: [this.n - 1, v.headCheck(this.k), this.last] }; }
}

// ---- the vectors

test('every vector of the page', () => {
  const checked = new Set();
  const is = (name, value) => { assert.equal(value, V[name], name); checked.add(name); };
  const seq = (n) => Buffer.from(Array.from({ length: 32 }, (_, i) => n + i));
  is('audit key', seq(0).toString('base64'));
  is('audit key, hex', K.toString('hex'));
  is('key id', v.keyId(K));
  is("auditor's private key", seq(64).toString('base64'));
  is("auditor's public key", v.rawPublic(v.x25519Private(SK)).toString('base64'));
  is('S of chain B, hex', seq(32).toString('hex'));
  const sealed = /"sealed":"([^"]*)"/.exec(linesB[0])[1];
  assert.deepEqual(v.openSealed(sealed, v.x25519Private(SK), B), S);
  assert.equal(v.openSealed(sealed, v.x25519Private(SK), A), null);
  assert.equal(v.openSealed(Buffer.alloc(80).toString('base64'), v.x25519Private(SK), B), null, 'the shared result is zero');
  for (const [name, id, secret, lines, anchor] of [['A', A, Buffer.alloc(0), linesA, anchorA], ['B', B, S, linesB, anchorB]]) {
    let k = v.firstKey(K, secret, id);
    lines.forEach((line, i) => {
      is(`k_${i} of chain ${name}, hex`, k.toString('hex'));
      is(`line ${i} of chain ${name}`, `${line.slice(0, -74)},"mac":"${v.lineMac(k, line.slice(0, -74))}"}`);
      k = v.nextKey(k);
    });
    is(`k_${lines.length} of chain ${name}, hex`, k.toString('hex'));
    is(`anchor of chain ${name}`, `${anchor.slice(0, -74)},"mac":"${v.anchorMac(k, anchor.slice(0, -74))}"}`);
    is(`check of the head of chain ${name}`, v.headCheck(k));
    if (name === 'A') assert.deepEqual(JSON.parse(linesB[0]).heads[A].slice(0, 2), [2, V['check of the head of chain A']]);
  }
  assert.deepEqual([...checked].sort(), Object.keys(V).sort(), 'all are checked');
  expect(run([...linesA, ...linesB], [anchorA, anchorB]));
  expect(run([linesB, linesA], [anchorA, anchorB]));
});

test('the command line', () => {
  const [log, anchors] = [file([...linesA, ...linesB]), file([anchorA, anchorB])];
  const cli = (args, input) => spawnSync(process.execPath, [join(here, 'verify.mjs'), ...args], { input, encoding: 'utf8' });
  const keys = ['--key', V['audit key'], '--private-key', V["auditor's private key"]];
  assert.equal(cli([...keys, '--allow-plain', '--anchors', anchors, log]).status, 0);
  assert.equal(cli([...keys, '--allow-plain', '--anchors', anchors, '-'], readFileSync(log)).status, 0);
  assert.equal(cli([...keys, file('nothing\n')]).status, 3);
  assert.equal(cli([...keys]).status, 2);
  const r = cli([...keys, '--allow-plain', '-'], [linesA[0], linesA[2]].join('\n'));
  assert.deepEqual([r.status, r.stdout.split('\n')[0]], [1, `gap ${A} 1 -:-`]);
});

// ---- the findings

const AB = [...linesA, ...linesB], anchorsAB = [anchorA, anchorB];

test('unknown-key', () => {
  expect(run(AB, null, { keys: [] }), 'unknown-key -', 'unknown-key -');
  expect(run(AB, null, { privateKeys: [] }), 'unknown-key -');
  expect(run(new Chain({ key: S }).lines, null), 'unknown-key -');
  expect(run(new Chain({ key: S }).lines, null, { keys: [K, S] }));
  expect(run([linesB[1]], null), 'unknown-key -');
  assert.match(run([new Chain({ key: S }).anchor()], [new Chain({ key: S }).anchor()]).short.join(), /unknown-key/);
});
test('plain', () => {
  expect(run(AB, anchorsAB, { allowPlain: false }), 'plain -');
  expect(run(linesA, [anchorA], { allowPlain: false, privateKeys: [] }));
});
test('changed', () => {
  const c = new Chain().more(2);
  expect(run([c.lines[0], c.lines[1].replace('alice', 'alicf'), c.lines[2]], null), 'changed 1', 'gap 1');
  expect(run([...c.lines, c.lines[2].replace('"seq":2', '"seq":1048576')], null), 'changed 1048576');
  expect(run([...c.lines, c.lines[2].replace('"seq":2', '"seq":1048575')], null), 'changed 1048575');
  const upper = c.lines[2].slice(0, -66) + c.lines[2].slice(-66, -2).toUpperCase() + '"}';
  expect(run([...c.lines, upper], null), 'bare -');
});
test('replaced', () => {
  const [c, d] = [new Chain({ id: A, sealed: true }).more(1), new Chain({ id: A, sealed: true }).more(1)];
  const r = run(d.lines, [c.anchor(), d.anchor()]);
  assert.ok(r.kinds.includes('replaced'));
  const later = new Chain({ heads: c.head() });
  expect(run([...c.lines, ...later.lines], null));
  expect(run([...d.lines, ...later.lines], null), 'replaced -');
});
test('bad-anchor', () => {
  expect(run(AB, [anchorA.replace('03:40:30.010', '03:40:30.011'), anchorB]), 'bad-anchor 2');
  expect(run(AB, [anchorA + 'x', anchorB]), 'bad-anchor -');
  expect(run(AB, [anchorA.replace('"seq":2', '"seq":1048576'), anchorB]), 'bad-anchor 1048576');
});
test('duplicate and out-of-order', () => {
  const c = new Chain().more(2);
  expect(run([...c.lines, c.lines[2]], null), 'duplicate 2');
  expect(run([c.lines[0], c.lines[2], c.lines[1]], null), 'out-of-order 1');
  expect(run([c.lines[0], c.lines[2], c.lines[1]], null, { unordered: true }));
  expect(run([[c.lines[2]], [c.lines[0], c.lines[1]]], null));
});
test('gap, missing-start and baselines', () => {
  const c = new Chain().more(3), old = c.anchor();
  c.more(4);
  expect(run([...c.lines.slice(0, 2), ...c.lines.slice(5)], null), 'gap 2-4');
  expect(run(c.lines.slice(4), [c.anchor()]), 'missing-start 0-3');
  expect(run(c.lines.slice(4), null, { after: [old] }));
  expect(run(c.lines.slice(2), null, { after: [old] }));
  expect(run(c.lines.slice(5), null, { after: [old] }), 'missing-start 4');
  expect(run(linesA, null, { after: [old] }));
  expect(run(linesA, null, { after: [old], anchors: [file([c.anchor()])] }), 'missing-chain 4-7');
});
test('after-end', () => {
  expect(run(new Chain().add('chain-ended').more(1).lines, null), 'after-end 2');
});
test('truncated', () => {
  expect(run([...linesA.slice(0, 2), ...linesB], anchorsAB), 'truncated 2');
  expect(run([...linesA.slice(0, 2), ...linesB], [anchorB]), 'truncated 2');
  expect(run([...linesA.slice(0, 2), ...linesB], [anchorA, anchorB], { until: '2026-11-28T03:40:29.999Z' }));
  expect(run([...linesA.slice(0, 2), ...linesB], [anchorA, anchorB], { until: '2026-11-28T03:40:30.000Z' }), 'truncated 2');
});
test('missing-chain', () => {
  expect(run(linesB, [anchorB]), 'missing-chain 0-2');
  expect(run(linesB, anchorsAB), 'missing-chain 0-2');
  expect(run(linesB, anchorsAB, { without: ['command@*'] }));
  expect(run(linesB, anchorsAB, { without: ['command'] }), 'missing-chain 0-2');
  expect(run(linesB, anchorsAB, { until: '2026-11-28T03:40:20.000Z' }));
});
test('no-anchor', () => {
  const c = new Chain().more(2), d = new Chain({ heads: null });
  expect(run(c.lines, []), 'no-anchor -');
  expect(run(c.lines, null));
  expect(run(c.lines, [], { now: NOW + 401 * 86400e3 }));
  expect(run(d.lines, []));
  expect(run(c.add('chain-ended').lines, []));
});
test('bare, cut lines, other lines', () => {
  const c = new Chain().more(2), cut = c.lines[2].slice(0, 120);
  expect(run([...c.lines, cut], null), 'bare -');
  expect(run([...c.lines.slice(0, 2), cut, c.lines[2]], null));
  expect(run([c.lines[0], c.lines[1], cut + c.lines[2] + ' \t\r'], null));
  expect(run([...c.lines, '{ "logger" : "x", "\\u006cogger":"open_mfa\\u002eaudit"}', '{"logger":"other"}', 'text', ''], null), 'bare -');
  expect(run([...c.lines, '{"logger":"open_mfa.audit","logger":"x"}'], null));
});
test('not-checked, with bounded work', () => {
  const c = new Chain().more(2), long = c.lines[2].replace('"seq":2', '"seq":1048575');
  assert.ok(run([c.lines[0], long, c.lines[1]], null, { limits: { chainSteps: 5000 } }).kinds.includes('not-checked'));
  expect(run([...c.lines, 'x'.repeat(2000)], null, { limits: { lineBytes: 1000 } }), 'not-checked -');
});
test('two long chains, mixed', () => {
  const [c, d] = [new Chain().more(5000), new Chain({ sealed: true }).more(5000)];
  const mixed = c.lines.flatMap((line, i) => [line, d.lines[i]]);
  expect(run(mixed, [c.anchor(), d.anchor()]));
  expect(run(mixed.reverse(), [c.anchor(), d.anchor()], { unordered: true }));
});

// ---- mutations

test('2,000 single-byte mutations', () => {
  const logBytes = Buffer.from(AB.map((l) => l + '\n').join('')), anchorBytes = Buffer.from(anchorsAB.map((l) => l + '\n').join(''));
  const names = [join(dir, 'm.log'), join(dir, 'm.anchors')];
  const options = { keys: [K], privateKeys: [SK], allowPlain: true, now: NOW, files: [names[0]], anchors: [names[1]] };
  let seed = 12345, missed = [], redrawn = 0;
  const random = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0, Math.floor((seed / 2 ** 32) * n));
  for (let done = 0; done < 2000; ) {
    const which = random(3) === 0 ? 1 : 0;
    const bytes = [Buffer.from(logBytes), Buffer.from(anchorBytes)];
    const at = random(bytes[which].length), value = random(256), before = bytes[which][at];
    if (value === before) continue;
    bytes[which][at] = value;
    // A line break that becomes white space leaves the bytes of the lines the same ("How to verify", last but one paragraph),
    // in a log; in an anchor file only after the last line.
    if (before === 10 && ' \t\r'.includes(String.fromCharCode(value)) && (which === 0 || at === bytes[1].length - 1)) { redrawn++; continue; }
    names.forEach((name, i) => writeFileSync(name, bytes[i]));
    if (v.verify(options).status !== 1) missed.push([which, at, before, value]);
    done++;
  }
  assert.deepEqual(missed, []);
  console.log(`2,000 mutations found, ${redrawn} without effect were drawn again`);
});
