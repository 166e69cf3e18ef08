// Command verifiers holds mira's committed scenarios to code that is not ours: proofs/ to torchwood, which reads the
// container, the policy and the checkpoint's signatures, and merkle/ to golang.org/x/mod/sumdb, which torchwood walks
// its trees with. It is given the folder of vectors, prints a line of counts for each kind, and exits with 1 if the
// foreign code decides otherwise than a scenario expects.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: verifiers VECTORS")
		os.Exit(2)
	}
	agreed := check(filepath.Join(os.Args[1], "proofs"), judgeProof)
	agreed = check(filepath.Join(os.Args[1], "merkle"), judgeMerkle) && agreed
	if !agreed {
		os.Exit(1)
	}
}

// A wish is what a scenario expects of the foreign code.
type wish int

const (
	either wish = iota // refused by a rule that only our format has
	accept
	reject
)

// A judge reads one scenario and tells what it wishes for and why the foreign code rejects it, if it does. It fails if
// the scenario itself cannot be understood.
type judge func(name string, scenario []byte) (wish wish, rejection error, err error)

// check judges every scenario of the folder, prints the counts and tells whether all were as expected. A folder without
// an accepted or without a rejected scenario shows nothing, so it is a disagreement too.
func check(folder string, judge judge) bool {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return complain(folder, err)
	}
	agreed, accepted, rejected, free := true, 0, 0, 0
	for _, file := range files {
		scenario, err := os.ReadFile(file)
		if err != nil {
			agreed = complain(file, err)
			continue
		}
		wish, rejection, err := judge(strings.TrimSuffix(filepath.Base(file), ".json"), scenario)
		switch {
		case err != nil:
			agreed = complain(file, err)
		case wish == accept && rejection != nil:
			agreed = complain(file, fmt.Errorf("should be accepted, but: %w", rejection))
		case wish == reject && rejection == nil:
			agreed = complain(file, fmt.Errorf("should be rejected, but is accepted"))
		}
		if wish == either {
			free++
		}
		if rejection == nil {
			accepted++
		} else {
			rejected++
		}
	}
	verdict := "all as expected"
	if accepted == 0 || rejected == 0 {
		agreed = complain(folder, fmt.Errorf("nothing was accepted or nothing was rejected"))
	}
	if !agreed {
		verdict = "NOT all as expected"
	}
	fmt.Printf("go: %d %s, %d accepted, %d rejected (%d free to be either), %s\n",
		len(files), filepath.Base(folder), accepted, rejected, free, verdict)
	return agreed
}

// complain reports a disagreement and is false, so that it can be assigned.
func complain(where string, err error) bool {
	fmt.Fprintf(os.Stderr, "go: %s: %v\n", where, err)
	return false
}

// read parses a scenario.
func read[T any](scenario []byte) (T, error) {
	var parsed T
	err := json.Unmarshal(scenario, &parsed)
	return parsed, err
}
