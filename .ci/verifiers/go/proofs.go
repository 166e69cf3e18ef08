package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// judgeProof asks torchwood whether the policy believes the checkpoint and whether the checkpoint includes the entry.
func judgeProof(name string, scenario []byte) (wish, error, error) {
	s, err := read[struct{ Expect, Policy, Proof string }](scenario)
	if err != nil {
		return either, nil, err
	}
	wish, err := wishOfProof(name, s.Expect)
	if err != nil {
		return either, nil, err
	}
	rejection := verify([]byte(s.Policy), []byte(s.Proof), 0)
	if rejection == nil && verify([]byte(s.Policy), []byte(s.Proof), 1) == nil {
		return wish, nil, errors.New("accepted with another entry too, so acceptance says nothing")
	}
	return wish, rejection, nil
}

// verify checks the log part of a proof whose entry has the bits of flip changed in its last byte.
func verify(policy, proof []byte, flip byte) error {
	trusted, err := torchwood.ParsePolicy(policy)
	if err != nil {
		return err
	}
	extra, err := torchwood.ProofExtraData(proof)
	if err != nil {
		return err
	}
	var parts struct {
		Entry []byte `cbor:"entry"`
	}
	if err := cbor.Unmarshal(extra, &parts); err != nil {
		return err
	}
	if len(parts.Entry) == 0 {
		return errors.New("extra holds no entry")
	}
	parts.Entry[len(parts.Entry)-1] ^= flip
	return torchwood.VerifyProof(trusted, tlog.RecordHash(parts.Entry), proof)
}

// wishOfProof tells what follows from a verdict of ours about the log part, which is steps 1 and 2 of FORMAT.md,
// section 12: a proof that fails at a later step has passed these.
func wishOfProof(name, expect string) (wish, error) {
	verdict, step, _ := strings.Cut(expect, ": ")
	switch {
	case expect == "verified":
		return accept, nil
	case expect == "refused" && slices.Contains(brokenContainers, name):
		return reject, nil
	case expect == "refused":
		return either, nil
	case verdict != "failed" && verdict != "incomplete":
		return either, fmt.Errorf("unknown verdict %q", expect)
	case slices.Contains([]string{"checkpoint", "inclusion"}, step):
		return reject, nil
	case slices.Contains([]string{"signature", "signer", "chunk", "row", "schema"}, step):
		return accept, nil
	}
	return either, fmt.Errorf("unknown step %q", expect)
}

// brokenContainers are no tlog-proofs of an entry, by C2SP's rules alone. Others are refused by rules of ours about
// what stands in `extra` or in the entry; their log part may hold.
var brokenContainers = []string{"another_format", "no_extra", "trailing_garbage", "truncated"}
