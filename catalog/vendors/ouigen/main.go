// Command ouigen packs the IEEE's list of network card makers, as the npm
// package oui-data ships it, into oui.gz. It fetches the package with npm
// unless -in names its index.json.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const source = "oui-data@2.1.9" // BSD-2-Clause; the data is the IEEE's public listing

func main() {
	in := flag.String("in", "", "index.json of "+source+"; empty: fetch it with npm")
	names := flag.String("names", "names.txt", "names of plant vendors: what the IEEE's entry begins with = what we call them")
	out := flag.String("out", "oui.gz", "file to write")
	flag.Parse()
	if err := run(*in, *names, *out); err != nil {
		fmt.Fprintln(os.Stderr, "ouigen:", err)
		os.Exit(1)
	}
}

func run(in, names, out string) error {
	raw, err := index(in)
	if err != nil {
		return err
	}
	var entries map[string]string // prefix in hexadecimal: name, and the address in further lines
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fmt.Errorf("read %s: %w", source, err)
	}
	rules, err := readRules(names)
	if err != nil {
		return err
	}
	packed, err := pack(entries, rules)
	if err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644)
}

func index(path string) ([]byte, error) {
	if path != "" {
		return os.ReadFile(path)
	}
	dir, err := os.MkdirTemp("", "ouigen")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	npm := exec.Command("npm", "pack", source, "--pack-destination", dir)
	npm.Stderr = os.Stderr
	if err := npm.Run(); err != nil {
		return nil, fmt.Errorf("npm pack %s: %w", source, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("npm pack %s left %d archives", source, len(files))
	}
	f, err := os.Open(files[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s holds no index.json", source)
		}
		if err != nil {
			return nil, err
		}
		if h.Name == "package/index.json" {
			return io.ReadAll(r)
		}
	}
}

// rule gives the entries that begin in one way one name.
type rule struct{ begins, name string }

func readRules(path string) ([]rule, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rules []rule
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		begins, name, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s: %q has no =", path, line)
		}
		rules = append(rules, rule{strings.ToLower(strings.TrimSpace(begins)), strings.TrimSpace(name)})
	}
	return rules, nil
}

// holder cleans an entry's name. Address lines go.
func holder(entry string, rules []rule) string {
	name, _, _ := strings.Cut(entry, "\n")
	name = strings.Join(strings.Fields(name), " ")
	lower := strings.ToLower(name)
	for _, r := range rules {
		if strings.HasPrefix(lower, r.begins) {
			return r.name
		}
	}
	return name
}

func pack(entries map[string]string, rules []rule) ([]byte, error) {
	number := map[string]int{}
	for _, e := range entries {
		if n := holder(e, rules); n != "" && n != "Private" {
			number[n] = 0
		}
	}
	names := slices.Sorted(maps.Keys(number))
	if len(names) > 1<<16 {
		return nil, fmt.Errorf("%d names do not fit into 16 bits", len(names))
	}
	for i, n := range names {
		number[n] = i
	}
	var raw bytes.Buffer
	raw.WriteString(strings.Join(names, "\n") + "\n\n")
	prefixes := slices.Sorted(maps.Keys(entries))
	for _, digits := range []int{6, 7, 9} {
		var list []byte
		count, last := uint64(0), uint64(0)
		for _, p := range prefixes {
			n, known := number[holder(entries[p], rules)]
			if len(p) != digits || !known {
				continue
			}
			v, err := strconv.ParseUint(p, 16, 64)
			if err != nil {
				return nil, fmt.Errorf("prefix %q: %w", p, err)
			}
			list = binary.AppendUvarint(binary.AppendUvarint(list, v-last), uint64(n))
			count, last = count+1, v
		}
		raw.Write(binary.AppendUvarint(nil, count))
		raw.Write(list)
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(raw.Bytes()); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
