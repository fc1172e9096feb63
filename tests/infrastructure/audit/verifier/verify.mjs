#!/usr/bin/env node
// An independent verifier of the tamper-evident audit trail, written from the page "audit-trail.md" alone.
// Comments in brackets name the sections of that page. It needs only node >= 18.
import { createHmac, createHash, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { openSync, closeSync, readSync, writeSync, fstatSync, mkdtempSync, rmSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// ---------------------------------------------------------------- cryptography [Names, Keys, The sealed secret]

const EMPTY = Buffer.alloc(0);
const byte = (n) => Buffer.from([n]);
const [ONE, TWO, THREE] = [byte(1), byte(2), byte(3)];

/** HMAC-SHA-256. Texts are latin1, because lines are read as latin1: one character for each byte. */
export function hmac(key, ...parts) {
  const h = createHmac('sha256', key);
  for (const part of parts) h.update(part, 'latin1');
  return h.digest();
}

/** HKDF for n <= 32. */
export const hkdf = (salt, ikm, info, n) => hmac(hmac(salt, ikm), info, ONE).subarray(0, n);
export const keyId = (K) => hkdf(K, EMPTY, 'open-mfa audit key id 1', 8).toString('hex');
export const firstKey = (K, S, chain) => hkdf(K, S, `open-mfa audit chain 1 ${chain}`, 32);
export const nextKey = (k) => hmac(k, ONE);
export const lineMac = (k, P) => hmac(k, P).toString('hex');
export const anchorMac = (k, A) => hmac(k, TWO, A).toString('hex');
export const headCheck = (k) => hmac(k, THREE).toString('hex', 0, 16);

/** The base64 of exactly n bytes, canonical and with padding, or null. */
export function base64(text, n) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === n && bytes.toString('base64') === text ? bytes : null;
}

const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex'); // DER around the 32 bytes of a private key
const SPKI = Buffer.from('302a300506032b656e032100', 'hex'); // DER around the 32 bytes of a public key
export const x25519Private = (raw) => createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
export const x25519Public = (raw) => createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
export const rawPublic = (key) => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);

/** RFC 9180, sections 4.1 and 5.1: key and nonce of the first message in base mode, from the X25519 result. */
export function hpkeKey(dh, enc, pkR, info) {
  const KEM = Buffer.from('4b454d0020', 'hex'); // "KEM" + 0x0020
  const SUITE = Buffer.from('48504b45002000010002', 'hex'); // "HPKE" + 0x0020 + 0x0001 + 0x0002
  const extract = (suite, salt, label, ikm) => hmac(salt, 'HPKE-v1', suite, label, ikm);
  const expand = (suite, prk, label, context, n) =>
    hmac(prk, Buffer.from([0, n]), 'HPKE-v1', suite, label, context, ONE).subarray(0, n);
  const shared = expand(KEM, extract(KEM, EMPTY, 'eae_prk', dh), 'shared_secret', Buffer.concat([enc, pkR]), 32);
  const context = Buffer.concat([byte(0), extract(SUITE, EMPTY, 'psk_id_hash', EMPTY), extract(SUITE, EMPTY, 'info_hash', info)]);
  const secret = extract(SUITE, shared, 'secret', EMPTY);
  return { key: expand(SUITE, secret, 'key', context, 32), nonce: expand(SUITE, secret, 'base_nonce', context, 12) };
}

/** S from `sealed`, or null if it does not open. */
export function openSealed(sealed, privateKey, chain) {
  const bytes = base64(sealed, 80);
  if (!bytes) return null;
  try {
    const enc = bytes.subarray(0, 32);
    const dh = diffieHellman({ privateKey, publicKey: x25519Public(enc) });
    if (dh.every((b) => b === 0)) return null;
    const { key, nonce } = hpkeKey(dh, enc, rawPublic(privateKey), `open-mfa audit secret 1 ${chain}`);
    const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    cipher.setAuthTag(bytes.subarray(64));
    return Buffer.concat([cipher.update(bytes.subarray(32, 64)), cipher.final()]);
  } catch {
    return null; // a wrong tag, or an X25519 result of zero, which OpenSSL refuses
  }
}

// ---------------------------------------------------------------- the keys of a chain, with bounded work and memory

/** Bounds. An honest chain needs about 2^20 steps for its anchors, its heads and its lines together. */
export const LIMITS = {
  chainSteps: 2 ** 22, // steps of the key evolution for one k_0
  totalSteps: 2 ** 25, // and for all together, to which each chained line and each anchor adds stepsPerLine
  stepsPerLine: 64,
  cachedKeys: 2 ** 17,
  lineBytes: 2 ** 24,
  chains: 2 ** 20,
  pairs: 8,
  findings: 1000, // findings of one kind for one chain that are listed; the others are counted
  pendingPerHeader: 100,
  pendingBytes: 2 ** 24,
};
const MAX_LINES = 2 ** 20;
const BLOCK = 1024;
class GiveUp extends Error {}

/** All keys of all chains: the budget, and a cache of the blocks (1,024 keys each) that were used last. */
class KeyStore {
  constructor(limits) {
    Object.assign(this, { limits, steps: 0, allowed: limits.totalSteps, blocks: new Map(), cached: 0 });
  }
  use(block) {
    if (this.last === block) return;
    this.blocks.delete(block);
    this.blocks.set(block, (this.last = block)); // the end of the map is the most recently used
    for (const old of this.blocks.keys()) {
      if (this.cached <= this.limits.cachedKeys || old === block) break;
      this.blocks.delete(old);
      this.cached -= old.keys.length;
      old.owner.open.delete(old.number);
    }
  }
}

/** k_i of one k_0: keeps each 1,024th key. */
class Keys {
  constructor(store, k0) {
    Object.assign(this, { store, points: [k0], open: new Map(), steps: 0 });
  }
  step(k) {
    if (this.steps >= this.store.limits.chainSteps || this.store.steps >= this.store.allowed) throw new GiveUp();
    this.steps++;
    this.store.steps++;
    return nextKey(k);
  }
  get(i) {
    const number = Math.floor(i / BLOCK);
    while (this.points.length <= number) this.points.push(this.step(this.inBlock(this.points.length - 1, BLOCK - 1)));
    return this.inBlock(number, i % BLOCK);
  }
  inBlock(number, j) {
    let block = this.open.get(number);
    if (!block) {
      this.open.set(number, (block = { owner: this, number, keys: [this.points[number]] }));
      this.store.cached++;
    }
    this.store.use(block);
    while (block.keys.length <= j) {
      block.keys.push(this.step(block.keys.at(-1)));
      this.store.cached++;
    }
    return block.keys[j];
  }
}

// ---------------------------------------------------------------- files and lines [The form of a line, How to verify]

/** Opens a file that can be read twice. Standard input and pipes are copied to a temporary file. */
function openTwice(name, temporary) {
  let fd = name === '-' ? 0 : openSync(name, 'r');
  if (!fstatSync(fd).isFile() || name === '-') {
    temporary.dir ??= mkdtempSync(join(tmpdir(), 'audit-verify-'));
    const copy = openSync(join(temporary.dir, String(temporary.count++)), 'wx+', 0o600);
    const buffer = Buffer.alloc(1 << 16);
    for (;;) {
      let n;
      try {
        n = readSync(fd, buffer, 0, buffer.length, null);
      } catch (e) {
        if (e.code === 'EAGAIN') { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); continue; }
        if (e.code === 'EOF') break;
        throw e;
      }
      if (n === 0) break;
      for (let done = 0; done < n; ) done += writeSync(copy, buffer, done, n - done);
    }
    if (fd !== 0) closeSync(fd);
    fd = copy;
  }
  return { name, fd, size: fstatSync(fd).size }; // a file that grows is read up to the same place both times
}

/** The lines of a file as [latin1 text without its line break, number]. The text of an overlong line is null. */
function* physicalLines({ fd, size, name }, limit) {
  const buffer = Buffer.alloc(1 << 18);
  let parts = [], length = 0, number = 1;
  for (let at = 0; at < size; ) {
    const n = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at);
    if (n === 0) throw new Error(`${name} became shorter while it was read`);
    at += n;
    const text = buffer.latin1Slice(0, n);
    for (let from = 0; from < n; ) {
      const end = text.indexOf('\n', from);
      const part = text.slice(from, end < 0 ? n : end);
      length += part.length;
      if (length <= limit) parts.push(part);
      else parts = [];
      if (end < 0) break;
      yield [length > limit ? null : parts.join(''), number++];
      parts = [];
      length = 0;
      from = end + 1;
    }
  }
  if (length > 0) yield [length > limit ? null : parts.join(''), number];
}

/** Without spaces, tabs and 0x0D at the end. (A regular expression would take quadratic time.) */
function strip(text) {
  let end = text.length;
  while (end > 0 && ' \t\r'.includes(text[end - 1])) end--;
  return text.slice(0, end);
}

/** [How to verify]: split each line before each {"time":" and strip each part. */
function* auditLines(file, limit) {
  for (const [text, number] of physicalLines(file, limit)) {
    if (text === null) yield [null, number];
    else for (const part of text.split(/(?=\{"time":")/)) yield [strip(part), number];
  }
}

const TIME = String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`;
const CHAINED = /,"chain":"([0-9a-f]{32})","seq":(0|[1-9][0-9]{0,6}),"mac":"([0-9a-f]{64})"\}$/;
const CHAINED_LENGTH = 10 + 32 + 8 + 7 + 8 + 64 + 2;
const HEADER = /^\{"time":"[^"]*","level":"[A-Z]*","logger":"open_mfa\.audit"/;
const MESSAGE = /^\{"time":"([^"]*)","level":"[A-Z]*","logger":"open_mfa\.audit","message":"(chain-started|chain-ended)"/;
const INFORMATION = /"chain_format":1,"key":"([0-9a-f]{16})",(?:"sealed":"([A-Za-z0-9+/]{107}=)",)?"source":/;
const ANCHOR = new RegExp(
  String.raw`^\{"anchor":1,"chain":"([0-9a-f]{32})","seq":(0|[1-9][0-9]{0,6}),"started":"${TIME}","last":"(${TIME})","time":"${TIME}",` +
    String.raw`"source":"([!-~]{1,64})","key":"([0-9a-f]{16})","sealed":(?:null|"([A-Za-z0-9+/]{107}=)"),"mac":"([0-9a-f]{64})"\}$`);
const MAC_LENGTH = 74;

/** The parts of a chained line, or null. */
function parseChained(text) {
  const match = CHAINED.exec(text.slice(-CHAINED_LENGTH));
  return match && { id: match[1], seq: Number(match[2]), mac: match[3], P: text.slice(0, -MAC_LENGTH) };
}

/** Is a line that is not chained a bare line? */
function isBare(text) {
  if (HEADER.test(text)) return true;
  // Any other spelling of the logger has an escape \u, so most lines of other loggers need no parser.
  if (!text.includes('open_mfa.audit') && !text.includes('\\u')) return false;
  try {
    return JSON.parse(text)?.logger === 'open_mfa.audit';
  } catch {
    return false;
  }
}

// ---------------------------------------------------------------- the verification

class Verification {
  constructor(options) {
    this.options = options;
    this.limits = { ...LIMITS, ...options.limits };
    this.keys = new Map(options.keys.map((K) => [keyId(K), K]));
    this.privateKeys = options.privateKeys.map(x25519Private);
    this.store = new KeyStore(this.limits);
    this.chains = new Map();
    this.anchorsGiven = options.anchors.length + options.after.length > 0;
    this.count = { chained: 0, anchors: 0, valid: 0, open: 0, unanchored: 0, unlisted: 0 };
    this.found = [];
    this.perKind = new Map();
    this.excused = { headers: new Map(), bytes: 0 };
    const glob = (p) => new RegExp(`^${p.split('*').map((s) => s.replace(/[^\w]/g, '\\$&')).join('.*')}$`);
    this.without = options.without.map(glob);
  }

  // `place` is { file, line } or absent. `order` makes the order of the output stable.
  finding(kind, chain, seq, place) {
    const group = `${kind} ${chain}`;
    const n = (this.perKind.get(group) ?? 0) + 1;
    this.perKind.set(group, n);
    if (n > this.limits.findings) return;
    this.found.push({ kind, chain, seq, place });
  }

  chain(id) {
    let chain = this.chains.get(id);
    if (!chain && this.chains.size < this.limits.chains) {
      chain = {
        id, pairs: new Map(), anchors: [], seen: new Set(), heads: new Map(), // what others say about it
        lines: 0, bits: Buffer.alloc(0), valid: 0, min: Infinity, max: -1, maxTime: '', end: -1, late: [], headsNull: false,
        fileNumber: -1, fileMax: -1, // the greatest valid seq in the current file
      };
      this.chains.set(id, chain);
    }
    if (!chain) this.tooManyChains = true;
    return chain;
  }

  /** Runs something that needs keys of a chain. If it takes too much work, the chain is `not-checked`. */
  attempt(chain, action) {
    if (chain.gaveUp) return undefined;
    try {
      return action();
    } catch (e) {
      if (!(e instanceof GiveUp)) throw e;
      chain.gaveUp = true;
      this.finding('not-checked', chain.id, '-');
      return undefined;
    }
  }

  /** [How to verify] The pair of a key id and a `sealed`: one of the first eight of its chain, or undefined. */
  pair(chain, id, sealed) {
    const name = `${id} ${sealed ?? ''}`;
    let pair = chain.pairs.get(name);
    if (pair || chain.pairs.size >= this.limits.pairs) return pair;
    const K = this.keys.get(id);
    let S = sealed === undefined ? EMPTY : null;
    if (K && sealed !== undefined) for (const key of this.privateKeys) S ??= openSealed(sealed, key, chain.id);
    pair = { sealed, confirmed: false, keys: null };
    if (K && S) {
      const k0 = firstKey(K, S, chain.id);
      const same = [...chain.pairs.values()].find((other) => other.keys?.points[0].equals(k0));
      pair.keys = same?.keys ?? new Keys(this.store, k0);
    }
    chain.pairs.set(name, pair);
    return pair;
  }

  // ---- first reading: the information about the chains

  /** [Anchors] Each anchor is checked at once, under the pair that it names itself. */
  readAnchors(file, baseline) {
    for (const [raw, line] of physicalLines(file, this.limits.lineBytes)) {
      const text = raw === null ? '(too long)' : strip(raw);
      if (text === '') continue;
      const place = { file: file.name, line };
      const match = ANCHOR.exec(text);
      if (!match) {
        this.finding('bad-anchor', '-', '-', place); // the page does not say what a line of another form is
        continue;
      }
      this.count.anchors++;
      this.store.allowed += this.limits.stepsPerLine;
      const [, id, digits, last, source, key, sealed, mac] = match;
      const chain = this.chain(id);
      if (!chain) continue;
      const digest = (baseline ? 'b' : 'a') + createHash('sha256').update(text, 'latin1').digest('latin1');
      if (chain.seen.has(digest)) continue; // exports repeat anchors
      chain.seen.add(digest);
      const seq = Number(digits);
      const pair = this.pair(chain, key, sealed);
      let right = false;
      if (pair?.keys && seq < MAX_LINES)
        right = this.attempt(chain, () => anchorMac(pair.keys.get(seq + 1), text.slice(0, -MAC_LENGTH)) === mac) ?? false;
      if (right) pair.confirmed = true;
      chain.anchors.push({ seq, last, source, baseline, place, keys: right ? pair.keys : null });
    }
  }

  /** The pairs of the lines 0, which are confirmed if the mac of their line is right. */
  readFirstLines(file) {
    for (const [text] of auditLines(file, this.limits.lineBytes)) {
      const line = text && parseChained(text);
      if (!line) continue;
      this.count.chained++;
      this.store.allowed += this.limits.stepsPerLine;
      const chain = this.chain(line.id);
      if (!chain) continue;
      chain.lines++;
      if (line.seq !== 0 || MESSAGE.exec(text)?.[2] !== 'chain-started') continue;
      const match = INFORMATION.exec(text);
      const pair = match && this.pair(chain, match[1], match[2]);
      if (pair?.keys && lineMac(pair.keys.points[0], line.P) === line.mac) pair.confirmed = true;
    }
  }

  /** The first confirmed pair, or else the first usable one. Then the rules for pairs and anchors. */
  choose(chain) {
    const usable = [...chain.pairs.values()].filter((pair) => pair.keys);
    const confirmed = usable.filter((pair) => pair.confirmed);
    const pair = confirmed[0] ?? usable[0];
    chain.keys = pair?.keys;
    chain.valid_anchors = [];
    chain.baseline = -1;
    if (!pair) {
      if (chain.lines > 0 || chain.anchors.length > 0) this.finding('unknown-key', chain.id, '-');
      return;
    }
    if (this.privateKeys.length > 0 && pair.sealed === undefined && !this.options.allowPlain) this.finding('plain', chain.id, '-');
    chain.replaced = confirmed.some((other) => other.keys !== pair.keys);
    for (const anchor of chain.anchors) {
      if (anchor.keys === chain.keys) {
        chain.valid_anchors.push(anchor);
        if (anchor.baseline) chain.baseline = Math.max(chain.baseline, anchor.seq);
      } else if (!anchor.keys && !chain.gaveUp) this.finding('bad-anchor', chain.id, anchor.seq, anchor.place);
    }
  }

  // ---- second reading: the lines

  readLines(file, fileNumber) {
    for (const [text, line] of auditLines(file, this.limits.lineBytes)) {
      const place = { file: file.name, line, fileNumber };
      if (text === null) this.finding('not-checked', '-', '-', place); // an overlong line
      else if (text === '') continue;
      else {
        const chained = parseChained(text);
        if (chained) this.readChained(text, chained, place);
        else if (isBare(text)) this.readBare(text, place);
      }
    }
  }

  readChained(text, { id, seq, mac, P }, place) {
    const chain = this.chains.get(id);
    if (!chain?.keys || chain.gaveUp) return; // unknown-key, or not-checked
    const right = seq < MAX_LINES && this.attempt(chain, () => lineMac(chain.keys.get(seq), P) === mac);
    if (chain.gaveUp) return;
    if (!right) return this.finding('changed', id, seq, place);

    this.count.valid++;
    this.excuse(text);
    if (chain.bits.length * 8 <= seq) chain.bits = Buffer.concat([chain.bits], Math.max(seq >> 3, chain.bits.length * 2 - 1) + 1);
    const known = chain.bits[seq >> 3] & (1 << (seq & 7));
    if (known) this.finding('duplicate', id, seq, place);
    else chain.valid++;
    chain.bits[seq >> 3] |= 1 << (seq & 7);
    if (chain.fileNumber !== place.fileNumber) [chain.fileNumber, chain.fileMax] = [place.fileNumber, -1];
    if (seq < chain.fileMax && !this.options.unordered) this.finding('out-of-order', id, seq, place);
    chain.fileMax = Math.max(chain.fileMax, seq);
    chain.min = Math.min(chain.min, seq);
    const message = MESSAGE.exec(text);
    if (seq > chain.max) [chain.max, chain.maxTime] = [seq, /^\{"time":"([^"]*)"/.exec(text)?.[1] ?? ''];
    if (message?.[2] === 'chain-ended') chain.end = chain.end < 0 ? seq : Math.min(chain.end, seq);
    if (seq === 0 && message?.[2] === 'chain-started') this.readHeads(chain, text, place);
  }

  /** [The first line] The line is valid, so the service wrote it, and a JSON parser does no harm. */
  readHeads(chain, text, place) {
    let heads;
    try { heads = JSON.parse(text).heads; } catch { return; }
    chain.headsNull = heads === null;
    for (const [id, head] of Object.entries(heads ?? {})) {
      if (!/^[0-9a-f]{32}$/.test(id) || id === chain.id || !Array.isArray(head)) continue;
      const [seq, check, last] = head;
      if (!Number.isInteger(seq) || seq < 0 || seq >= MAX_LINES) continue;
      const other = this.chain(id);
      const name = `${seq} ${check}`; // many chains repeat the same head
      const old = other?.heads.get(name);
      if (!old) other?.heads.set(name, { seq, check, last, place });
      else if (last < old.last) old.last = last;
    }
  }

  /** [Log rotation and lost parts: A cut line] Bare lines wait for a later valid line of which they are a prefix. */
  readBare(text, place) {
    const header = HEADER.exec(text)?.[0]; // all lines that continue this one begin with it, too
    const group = this.excused.headers.get(header) ?? [];
    if (header === undefined || group.length >= this.limits.pendingPerHeader || this.excused.bytes + text.length > this.limits.pendingBytes)
      return this.finding('bare', '-', '-', place);
    group.push({ text, place });
    this.excused.bytes += text.length;
    this.excused.headers.set(header, group);
  }

  excuse(valid) {
    if (this.excused.headers.size === 0) return;
    const header = HEADER.exec(valid)?.[0];
    const group = this.excused.headers.get(header);
    if (!group) return;
    const rest = group.filter(({ text }) => !valid.startsWith(text)); // a bare line never equals a chained one
    for (const { text } of group) if (valid.startsWith(text)) this.excused.bytes -= text.length;
    if (rest.length) this.excused.headers.set(header, rest);
    else this.excused.headers.delete(header);
  }

  // ---- the end: rules for whole chains

  judge(chain) {
    const { until, now } = this.options;
    if (!chain.keys && chain.pairs.size > 0) return; // unknown-key: no other rule
    if (!chain.keys && chain.lines > 0) return;
    if (chain.gaveUp) return;
    const counts = (x) => until === undefined || x.last <= until;
    const claims = chain.valid_anchors.filter(counts);
    for (const head of chain.heads.values()) {
      // A chain without lines and anchors has no key here. Then the check of a head cannot be wrong.
      const right = !chain.keys || this.attempt(chain, () => headCheck(chain.keys.get(head.seq + 1)) === head.check);
      if (chain.gaveUp) return;
      if (!right) chain.replaced = true;
      if (counts(head) && (right || chain.valid === 0)) claims.push(head);
    }
    if (chain.replaced) this.finding('replaced', chain.id, '-');
    let claim = null; // the greatest line that somebody names
    for (const c of claims) if (!claim || c.seq > claim.seq) claim = c;
    const from = Math.max(chain.max, chain.baseline) + 1;
    if (chain.valid === 0) {
      const sources = chain.valid_anchors.map((anchor) => anchor.source);
      const excluded = this.without.some((pattern) => sources.some((source) => pattern.test(source)));
      if (claim && claim.seq >= from && !excluded) this.finding('missing-chain', chain.id, range(from, claim.seq), claim.place);
      return;
    }
    if (claim && claim.seq >= from) this.finding('truncated', chain.id, range(from, claim.seq), claim.place);
    if (chain.min > chain.baseline + 1) this.finding('missing-start', chain.id, range(chain.baseline + 1, chain.min - 1));
    let previous = chain.min;
    if (chain.valid < chain.max - chain.min + 1 || chain.end >= 0)
      for (let seq = chain.min; seq <= chain.max; seq++) {
        if (!(chain.bits[seq >> 3] & (1 << (seq & 7)))) continue;
        if (seq > previous + 1) this.finding('gap', chain.id, range(previous + 1, seq - 1));
        if (chain.end >= 0 && seq > chain.end) this.finding('after-end', chain.id, seq);
        previous = seq;
      }
    if (chain.end < 0) this.count.open++;
    if (chain.valid_anchors.length > 0) return;
    this.count.unanchored++;
    const old = Date.parse(chain.maxTime) < now - 400 * 86400e3;
    if (this.anchorsGiven && chain.end < 0 && !chain.headsNull && !old) this.finding('no-anchor', chain.id, '-');
  }

  run(files, anchors, baselines) {
    for (const file of baselines) this.readAnchors(file, true);
    for (const file of anchors) this.readAnchors(file, false);
    for (const file of files) this.readFirstLines(file);
    for (const chain of this.chains.values()) this.choose(chain);
    files.forEach((file, i) => this.readLines(file, i));
    for (const chain of this.chains.values()) {
      if (!('valid_anchors' in chain)) this.choose(chain); // a chain that only a head names
      this.judge(chain);
    }
    for (const group of this.excused.headers.values()) for (const { place } of group) this.finding('bare', '-', '-', place);
    if (this.tooManyChains) this.finding('not-checked', '-', '-');
    return this.result();
  }

  result() {
    // The order: findings with a place in the order of the files and lines, then the others in the order of chains.
    const files = [...this.options.after, ...this.options.anchors, ...this.options.files];
    const rank = new Map(files.map((name, i) => [name, i]).reverse());
    const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    this.found.sort((a, b) =>
      !a.place - !b.place || (a.place && (rank.get(a.place.file) - rank.get(b.place.file) || a.place.line - b.place.line)) ||
      text(a.chain, b.chain) || text(a.kind, b.kind) || parseInt(a.seq) - parseInt(b.seq) || 0);
    const findings = this.found.map(({ kind, chain, seq, place }) => `${kind} ${chain} ${seq} ${place ? `${place.file}:${place.line}` : '-:-'}`);
    for (const [group, n] of this.perKind) if (n > this.limits.findings) findings.push(`# and ${n - this.limits.findings} more: ${group}`);
    const status = this.found.length ? 1 : this.count.chained + this.count.anchors === 0 ? 3 : 0;
    const c = this.count;
    const total = [...this.perKind.values()].reduce((sum, n) => sum + n, 0);
    const summary = [
      `# ${c.chained} chained lines (${c.valid} valid), ${c.anchors} anchors, ${this.chains.size} chains: ${total} findings`,
      `# reports: ${c.open} chains without chain-ended, ${c.unanchored} chains that no valid anchor names` +
        (this.anchorsGiven ? '' : ', no anchors were given'),
    ];
    return { status, findings, summary, kinds: this.found.map((f) => f.kind) };
  }
}

const range = (first, last) => (first === last ? `${first}` : `${first}-${last}`);

/** options: keys and privateKeys (32 bytes each), files, anchors, after, without, until, allowPlain, unordered, now, limits */
export function verify(options) {
  const all = {
    keys: [], privateKeys: [], anchors: [], after: [], without: [], files: [], now: Date.now(), allowPlain: false, unordered: false, ...options,
  };
  const temporary = { count: 0 };
  const opened = [];
  const open = (name) => (opened.push(openTwice(name, temporary)), opened.at(-1));
  try {
    return new Verification(all).run(all.files.map(open), all.anchors.map(open), all.after.map(open));
  } finally {
    for (const { fd } of opened) closeSync(fd);
    if (temporary.dir) rmSync(temporary.dir, { recursive: true });
  }
}

// ---------------------------------------------------------------- the command line

const USAGE = `usage: verify.mjs --key BASE64... [--private-key BASE64]... [--anchors FILE]... [--after FILE]... [--until TIME]
                  [--without PATTERN]... [--allow-plain] [--unordered] FILE...`;

function main(args) {
  const options = { keys: [], privateKeys: [], anchors: [], after: [], without: [], files: [] };
  const key = (text) => base64(text, 32) ?? fail('a key is the base64 of 32 bytes');
  const fail = (message) => { throw new Error(message); };
  const takes = {
    '--key': (v) => options.keys.push(key(v)),
    '--private-key': (v) => options.privateKeys.push(key(v)),
    '--anchors': (v) => options.anchors.push(v),
    '--after': (v) => options.after.push(v),
    '--without': (v) => options.without.push(v),
    '--until': (v) => (options.until = new RegExp(`^${TIME}$`).test(v) ? v : fail('--until needs a time like 2026-11-28T03:40:30.010Z')),
  };
  const flags = { '--allow-plain': 'allowPlain', '--unordered': 'unordered' };
  for (let i = 0; i < args.length; i++) {
    if (args[i] in flags) options[flags[args[i]]] = true;
    else if (args[i] in takes) takes[args[i]](args[++i] ?? fail(`${args[i - 1]} needs a value`));
    else if (args[i].startsWith('-') && args[i] !== '-') fail(`unknown option ${args[i]}`);
    else options.files.push(args[i]);
  }
  if (options.files.length === 0) fail('no FILE');
  const names = [...options.files, ...options.anchors, ...options.after];
  if (names.filter((name) => name === '-').length > 1) fail('standard input can be read only once');
  const { status, findings, summary } = verify(options);
  writeAll([...findings, ...summary, ''].join('\n'));
  return status;
}

function writeAll(text) {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try { done += writeSync(1, bytes, done); } catch (e) { if (e.code !== 'EAGAIN') throw e; }
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (e) {
    console.error(`verify.mjs: ${e.message}\n${USAGE}`);
    process.exitCode = 2; // the page has no status for this
  }
}
