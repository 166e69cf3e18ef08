package main

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// digest is a hash as the scenarios spell it, in hex.
type digest tlog.Hash

// UnmarshalText reads 64 hex digits.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("expected %d hex digits, found %d", hex.EncodedLen(len(d)), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// A merkleScenario is an inclusion or a consistency proof; vectors/merkle/README.md tells what is in it.
type merkleScenario struct {
	Expect   string
	Kind     string
	LeafData string `json:"leaf_data"`
	Index    int64
	Size     int64
	Root     digest
	OldSize  int64  `json:"old_size"`
	OldRoot  digest `json:"old_root"`
	NewSize  int64  `json:"new_size"`
	NewRoot  digest `json:"new_root"`
	Path     []digest
}

// judgeMerkle asks x/mod about one proof.
func judgeMerkle(_ string, scenario []byte) (wish, error, error) {
	s, err := read[merkleScenario](scenario)
	if err != nil {
		return either, nil, err
	}
	wish := reject // every other value of expect is a reason to refuse
	if s.Expect == "accept" {
		wish = accept
	}
	path := make([]tlog.Hash, len(s.Path))
	for i, d := range s.Path {
		path[i] = tlog.Hash(d)
	}
	switch s.Kind {
	case "inclusion":
		leaf, err := hex.DecodeString(s.LeafData)
		if err != nil {
			return either, nil, err
		}
		return wish, tlog.CheckRecord(path, s.Size, tlog.Hash(s.Root), s.Index, tlog.RecordHash(leaf)), nil
	case "consistency":
		return wish, tlog.CheckTree(path, s.NewSize, tlog.Hash(s.NewRoot), s.OldSize, tlog.Hash(s.OldRoot)), nil
	}
	return either, nil, fmt.Errorf("unknown kind %q", s.Kind)
}
