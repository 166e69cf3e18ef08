// Writes claims.json with OpenZeppelin's own tree builder: npm install @openzeppelin/merkle-tree@1.0.8, then
// node claims.mjs > claims.json. Samples are made from their number i: contributor = SHA-256(u32be i), payout = the first
// 20 bytes of SHA-256(u32be i ‖ "payout"), cumulative = i · 1000000007, plus 2^255 if i is even.
import { createHash } from 'node:crypto';
import { StandardMerkleTree } from '@openzeppelin/merkle-tree';

const domain = '0x' + '07'.repeat(32);
const types = ['bytes32', 'bytes32', 'address', 'uint256'];
const hash = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

function claim(i) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(i);
  const cumulative = BigInt(i) * 1000000007n + (i % 2 === 0 ? 1n << 255n : 0n);
  const payout = '0x' + hash(number, Buffer.from('payout')).slice(0, 40);
  return [domain, '0x' + hash(number), payout, cumulative.toString()];
}

function tree(size) {
  return StandardMerkleTree.of(Array.from({ length: size }, (_, i) => claim(i)), types);
}

const whole = [1, 2, 3, 5, 8].map((size) => {
  const made = tree(size);
  const claims = [...made.entries()].map(([at, value]) => {
    const [, contributor, payout, cumulative] = value;
    return { contributor, payout, cumulative, leaf: made.leafHash(value), proof: made.getProof(at) };
  });
  return { size, root: made.root, claims };
});
// SHA-256 over the proofs of all claims, in the order of their numbers.
const sizes = Array.from({ length: 300 }, (_, i) => i + 1).map((size) => {
  const made = tree(size);
  const proofs = [...made.entries()].flatMap(([at]) => made.getProof(at)).map((node) => node.slice(2)).join('');
  return [size, made.root, hash(Buffer.from(proofs, 'hex'))];
});
const comment = 'made by @openzeppelin/merkle-tree 1.0.8: see claims.mjs';
console.log(JSON.stringify({ comment, domain, types, whole, sizes }, null, 1));
