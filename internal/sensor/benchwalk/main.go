//go:build unix

// Command benchwalk measures what `skanse inspect` costs in multiples of the
// least that any program pays for a capture: reading it once and stepping over
// its records; and beside two others that look into packets. All take turns in one
// run. Ratios hold from machine to machine; seconds do not.
//
//	go run ./internal/sensor/benchwalk SKANSE CAPTURE
package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	rounds = 5
	walks  = 4 // a round

	// What is asked. A machine that does other work as well measures some percent beside it.
	noise     = 1.08
	maxRatio  = 8.0 // one core, in bare walks
	minNDPI   = 1.5 // ndpiReader, in ours
	minTshark = 30.0
	minCores  = 1.4 // one core's time, in two cores'
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

// turn is one run of a program.
type turn struct {
	cpu, wall time.Duration
	memory    int64 // peak resident bytes
}

func measure(skanse, capture string) error {
	runtime.GOMAXPROCS(1)
	records, err := walk(capture) // brings the file into the page cache
	if err != nil {
		return err
	}
	var bare, one, two, ndpi []turn
	var outOne, outTwo []byte
	for range rounds {
		for range walks {
			t, err := timed(capture)
			if err != nil {
				return err
			}
			bare = append(bare, t)
		}
		var t turn
		if t, outOne, err = inspect(skanse, capture, "1"); err != nil {
			return err
		}
		one = append(one, t)
		if t, outTwo, err = inspect(skanse, capture, "2"); err != nil {
			return err
		}
		two = append(two, t)
		if t, ok := other("ndpiReader", "-q", "-i", capture); ok {
			ndpi = append(ndpi, t)
		}
	}
	b := &bench{bare: cpuOf(bare), one: cpuOf(one)}
	fmt.Printf("records            %d\n", records)
	fmt.Printf("bare record walk   %v CPU (medians, %d runs)\n", b.bare.Round(time.Microsecond), len(bare))
	fmt.Printf("inspect, one core  %v CPU, %.0f ns a packet (%d runs)\n", b.one.Round(time.Millisecond), float64(b.one)/float64(records), len(one))
	b.most("ratio", float64(b.one)/float64(b.bare), maxRatio)
	if runtime.NumCPU() > 1 {
		b.least("two cores", float64(wallOf(one))/float64(wallOf(two)), minCores)
	}
	if len(ndpi) > 0 {
		b.least("ndpiReader", float64(cpuOf(ndpi))/float64(b.one), minNDPI)
	}
	if t, ok := other("tshark", "-q", "-z", "io,phs", "-r", capture); ok {
		b.least("tshark", float64(t.cpu)/float64(b.one), minTshark)
	}
	memory := slices.MaxFunc(one, func(x, y turn) int { return cmp.Compare(x.memory, y.memory) }).memory
	b.most("peak memory, MB", float64(memory)/(1<<20), maxMemory>>20)
	same := slices.Equal(outOne, outTwo)
	fmt.Printf("same JSON from one core and two: %v\n", same)
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load of the machine: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	}
	switch {
	case !json.Valid(outOne):
		return errors.New("inspect did not print JSON")
	case !same:
		return errors.New("one core and two give different JSON")
	case len(b.missed) > 0:
		return fmt.Errorf("missed: %s", strings.Join(b.missed, ", "))
	}
	return nil
}

// bench collects what was missed.
type bench struct {
	bare, one time.Duration
	missed    []string
}

func (b *bench) most(what string, got, limit float64) {
	fmt.Printf("%-18s %.2f (at most %v)\n", what, got, limit)
	if got > limit*noise {
		b.missed = append(b.missed, what)
	}
}

func (b *bench) least(what string, got, limit float64) {
	fmt.Printf("%-18s %.2f (at least %v)\n", what, got, limit)
	if got < limit/noise {
		b.missed = append(b.missed, what)
	}
}

func cpuOf(turns []turn) time.Duration {
	return median(turns, func(t turn) time.Duration { return t.cpu })
}

func wallOf(turns []turn) time.Duration {
	return median(turns, func(t turn) time.Duration { return t.wall })
}

func median(turns []turn, of func(turn) time.Duration) time.Duration {
	all := make([]time.Duration, 0, len(turns))
	for _, t := range turns {
		all = append(all, of(t))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// timed walks once.
func timed(capture string) (t turn, err error) {
	before, err := cpu()
	if err != nil {
		return t, err
	}
	if _, err := walk(capture); err != nil {
		return t, err
	}
	after, err := cpu()
	t.cpu = after - before
	return t, err
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

// inspect runs the program and returns what it took and printed.
func inspect(skanse, capture, cores string) (turn, []byte, error) {
	cmd := exec.Command(skanse, "inspect", "--json", "--cores", cores, capture)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+cores)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return turn{}, nil, fmt.Errorf("run %s inspect: %w", skanse, err)
	}
	t, err := taken(cmd, began)
	return t, out, err
}

// other runs another program where it is installed, and leaves alone what it prints.
func other(name string, args ...string) (turn, bool) {
	if _, err := exec.LookPath(name); err != nil {
		fmt.Printf("%s is not installed: not compared\n", name)
		return turn{}, false
	}
	cmd := exec.Command(name, args...)
	began := time.Now()
	if err := cmd.Run(); err != nil {
		fmt.Printf("%s failed (%v): not compared\n", name, err)
		return turn{}, false
	}
	t, err := taken(cmd, began)
	return t, err == nil
}

func taken(cmd *exec.Cmd, began time.Time) (turn, error) {
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return turn{}, errors.New("this system does not tell what a child used")
	}
	peak := u.Maxrss
	if runtime.GOOS != "darwin" { // there in bytes, elsewhere in KiB
		peak <<= 10
	}
	return turn{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), time.Since(began), peak}, nil
}
