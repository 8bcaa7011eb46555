// Hashes files in the browser by the construction of dengji.evidence.construction (dengji-evidence-1); sends nothing.
"use strict";

const U32 = (n) => n >>> 0;
const turn = (x, n) => (x << n) | (x >>> (32 - n));

// Messages are padded the same way in SHA-256 (FIPS 180-4) and SM3 (GB/T 32905); only the start and the block differ.
class Hash {
  constructor(start, block) {
    this.state = Int32Array.from(start);
    this.block = block;
    this.rest = new Uint8Array(64);
    this.filled = 0;
    this.bytes = 0;
  }

  update(data) {
    let at = 0;
    this.bytes += data.length;
    if (this.filled) {
      at = Math.min(64 - this.filled, data.length);
      this.rest.set(data.subarray(0, at), this.filled);
      this.filled += at;
      if (this.filled < 64) return this;
      this.block(this.state, this.rest, 0);
      this.filled = 0;
    }
    for (; at + 64 <= data.length; at += 64) this.block(this.state, data, at);
    this.rest.set(data.subarray(at));
    this.filled = data.length - at;
    return this;
  }

  digest() {
    const tail = new Uint8Array(this.filled < 56 ? 64 : 128);
    tail.set(this.rest.subarray(0, this.filled));
    tail[this.filled] = 0x80;
    new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(this.bytes) * 8n);
    for (let at = 0; at < tail.length; at += 64) this.block(this.state, tail, at);
    const out = new Uint8Array(32);
    const view = new DataView(out.buffer);
    this.state.forEach((word, i) => view.setInt32(4 * i, word));
    return out;
  }
}

const word = (data, at) => (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];

// The constants of SHA-256 are the first 32 bits of the fractions of roots of the first primes.
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
const fraction = (x) => U32((x - Math.floor(x)) * 2 ** 32);
const SHA256_K = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const SHA256_START = PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
const SHA256_W = new Int32Array(64);

function sha256Block(state, data, at) {
  const w = SHA256_W;
  for (let i = 0; i < 16; i++) w[i] = word(data, at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    w[i] = (w[i - 16] + w[i - 7] + (turn(x, 25) ^ turn(x, 14) ^ (x >>> 3)) + (turn(y, 15) ^ turn(y, 13) ^ (y >>> 10))) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const one = (h + (turn(e, 26) ^ turn(e, 21) ^ turn(e, 7)) + ((e & f) ^ (~e & g)) + SHA256_K[i] + w[i]) | 0;
    const two = ((turn(a, 30) ^ turn(a, 19) ^ turn(a, 10)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
  }
  const next = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i] += next[i];
}

const SM3_START = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const SM3_T = Int32Array.from({ length: 64 }, (_, i) => turn(i < 16 ? 0x79cc4519 : 0x7a879d8a, i % 32));
const SM3_W = new Int32Array(68);

function sm3Block(state, data, at) {
  const w = SM3_W;
  for (let i = 0; i < 16; i++) w[i] = word(data, at + 4 * i);
  for (let i = 16; i < 68; i++) {
    const x = w[i - 16] ^ w[i - 9] ^ turn(w[i - 3], 15);
    w[i] = x ^ turn(x, 15) ^ turn(x, 23) ^ turn(w[i - 13], 7) ^ w[i - 6];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const a12 = turn(a, 12);
    const s = turn((a12 + e + SM3_T[i]) | 0, 7);
    const ff = i < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = i < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const one = (ff + d + (s ^ a12) + (w[i] ^ w[i + 4])) | 0;
    const two = (gg + h + s + w[i]) | 0;
    d = c; c = turn(b, 9); b = a; a = one;
    h = g; g = turn(f, 19); f = e; e = two ^ turn(two, 9) ^ turn(two, 17);
  }
  const next = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i] ^= next[i];
}

const HASHES = { sha256: () => new Hash(SHA256_START, sha256Block), sm3: () => new Hash(SM3_START, sm3Block) };
const STEP = 4 * 1024 * 1024;
const ENCODER = new TextEncoder();

const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const random = () => crypto.getRandomValues(new Uint8Array(32));

function u64(n) {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(n));
  return out;
}

function hashOf(algorithm, parts) {
  const hash = HASHES[algorithm]();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

class Tree {
  constructor(algorithm) {
    this.algorithm = algorithm;
    this.size = 0;
    this.peaks = [];
  }

  node(left, right) {
    return hashOf(this.algorithm, [Uint8Array.of(1), left, right]);
  }

  append(leaf) {
    for (let index = this.size; index % 2; index = Math.floor(index / 2)) leaf = this.node(this.peaks.pop(), leaf);
    this.peaks.push(leaf);
    this.size += 1;
  }

  top() {
    return this.peaks.reduceRight((right, left) => this.node(left, right));
  }
}

class Refusal extends Error {
  constructor(code, name) {
    super(code);
    this.code = code;
    this.name_ = name;
  }
}

function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function ordered(files) {
  const named = files.map(({ name, file }) => {
    const text = name.normalize("NFC");
    const bytes = ENCODER.encode(text);
    if (new TextDecoder().decode(bytes) !== text) throw new Refusal("name", text);
    return { name: text, bytes, file };
  });
  named.sort((a, b) => compareBytes(a.bytes, b.bytes));
  named.forEach((one, i) => {
    if (i && one.name === named[i - 1].name) throw new Refusal("same", one.name);
  });
  return named;
}

// The browser's own SHA-256 exists only on https and localhost; elsewhere, and for SM3, ours is used.
const native = (algorithm) => algorithm === "sha256" && self.crypto.subtle !== undefined;

async function chunkDigest(algorithm, blob, told) {
  if (native(algorithm)) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    told(blob.size);
    return digest;
  }
  const hash = HASHES[algorithm]();
  for (let at = 0; at < blob.size; at += STEP) {
    const part = new Uint8Array(await blob.slice(at, at + STEP).arrayBuffer());
    hash.update(part);
    told(part.length);
  }
  return hash.digest();
}

async function allDigests(named, algorithm, chunkSize, told) {
  const tasks = [];
  for (const one of named) {
    one.chunks = [];
    for (let at = 0; at === 0 || at < one.file.size; at += chunkSize) tasks.push([one, one.chunks.push(null) - 1, at]);
  }
  let next = 0;
  const lane = async () => {
    while (next < tasks.length) {
      const [one, index, at] = tasks[next++];
      try {
        one.chunks[index] = await chunkDigest(algorithm, one.file.slice(at, at + chunkSize), told);
      } catch (error) {
        // Browsers refuse to read a file that has changed since it was chosen.
        throw new Refusal("unreadable", one.name);
      }
    }
  };
  const lanes = native(algorithm) ? Math.min(navigator.hardwareConcurrency || 2, 4) : 1;
  await Promise.all(Array.from({ length: lanes }, lane));
}

function manifest(named, { algorithm, chunkSize, tool }) {
  const tree = new Tree(algorithm);
  const lines = [];
  let size = 0;
  for (const one of named) {
    size += one.file.size;
    const chunks = one.chunks.map((digest, index) => {
      const salt = random();
      const parts = [Uint8Array.of(0), salt, u64(one.file.size), u64(index), digest, one.bytes];
      tree.append(hashOf(algorithm, parts));
      return { salt: hex(salt), [algorithm]: hex(digest) };
    });
    lines.push(`${JSON.stringify({ path: one.name, size: one.file.size, chunks })}\n`);
  }
  const salt = random();
  const counts = [chunkSize, tree.size, named.length, size].map(u64);
  const deposit = {
    evidence_method: "hash",
    evidence_algorithm: algorithm,
    evidence_digest: hex(hashOf(algorithm, [Uint8Array.of(2), salt, ...counts, tree.top()])),
    evidence_size: size,
    evidence_count: named.length,
    evidence_time: new Date().toISOString(),
  };
  const sources = [...new Set(named.map((one) => one.name.split("/")[0]))].map((name) => ({ name }));
  const head = {
    format: "dengji-evidence-1", tool, chunk_size: chunkSize, algorithms: [algorithm],
    sources, root_salt: hex(salt), links: [], deposits: [deposit],
  };
  return { deposit, blob: new Blob([`${JSON.stringify(head)}\n`, ...lines], { type: "application/jsonl" }) };
}

async function make(order) {
  const named = ordered(order.files);
  const total = named.reduce((sum, one) => sum + one.file.size, 0);
  if (!total) throw new Refusal("nothing", "");
  let done = 0;
  let last = 0;
  const told = (bytes) => {
    done += bytes;
    if (Date.now() - last > 200 || done === total) {
      last = Date.now();
      self.postMessage({ kind: "progress", done, total });
    }
  };
  await allDigests(named, order.algorithm, order.chunkSize, told);
  self.postMessage({ kind: "done", ...manifest(named, order) });
}

self.onmessage = (event) => {
  make(event.data).catch((error) => {
    self.postMessage({ kind: "refused", code: error.code || "failed", name: error.name_ || "" });
  });
};
