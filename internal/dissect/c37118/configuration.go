package c37118

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// station is a measuring unit behind the address of a concentrator.
type station struct {
	id   uint16
	name string
}

const (
	maxStations = 128 // of one concentrator that are told apart
	maxChannels = 32  // of one station that are named
)

func (f *flow) number(about ot.Host, attr ot.Attr, v uint64, out *dissect.Sink) {
	out.FactOf(about, attr, strconv.AppendUint(f.text[:0], v, 10))
}

// fresh says whether a configuration is another than the last one; streams repeat it each minute.
func (f *flow) fresh(b []byte) bool {
	sum := uint32(2166136261)
	for _, x := range b {
		sum = (sum ^ uint32(x)) * 16777619
	}
	was := f.config
	f.config = sum | 1
	return was != f.config
}

// about is the host itself for the stream's own id, else a station behind it.
func (f *flow) about(id, stream uint16, alone bool, out *dissect.Sink) ot.Host {
	host := out.Src
	if alone || id == stream {
		return host
	}
	for i := range f.stations {
		if f.stations[i].id == id {
			host.Module = f.stations[i].name
			return host
		}
	}
	if len(f.stations) < maxStations {
		f.stations = append(f.stations, station{id, "PMU " + strconv.Itoa(int(id))})
		host.Module = f.stations[len(f.stations)-1].name
	} else {
		host.Module = "PMU"
	}
	return host
}

// configuration: time base 4 | stations 2 | [ name 16, id 2, format 2, phasors 2, analogs 2, digitals 2,
// names of 16, units of 4, nominal frequency 2, changes 2 ] | rate 2
func (f *flow) configuration(b []byte, stream uint16, out *dissect.Sink) dissect.Fault {
	if len(b) < 6 {
		return dissect.Short
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	b = b[6:]
	for range n {
		if len(b) < 26 {
			return dissect.Short
		}
		name, id := text(b[:16]), binary.BigEndian.Uint16(b[16:])
		phasors, analogs, digitals := int(binary.BigEndian.Uint16(b[20:])), int(binary.BigEndian.Uint16(b[22:])), int(binary.BigEndian.Uint16(b[24:]))
		b = b[26:]
		names := 16 * (phasors + analogs + 16*digitals)
		units := 4 * (phasors + analogs + digitals)
		if len(b) < names+units+4 {
			return dissect.Short
		}
		about := f.about(id, stream, n == 1, out)
		f.station(about, id, name, out)
		for i := range min(phasors+analogs, maxChannels) {
			out.FactOf(about, "synphasor.channel", text(b[16*i:16*i+16]))
		}
		f.frequency(about, binary.BigEndian.Uint16(b[names+units:]), out)
		f.number(about, "synphasor.config_changes", uint64(binary.BigEndian.Uint16(b[names+units+2:])), out)
		b = b[names+units+4:]
	}
	return f.rate(b, out)
}

// configuration3: part 2 | time base 4 | stations 2 | [ name, id 2, global id 16, format 2, phasors 2, analogs 2,
// digitals 2, names, scales of phasors 12, analogs 8, digitals 4, latitude 4, longitude 4, elevation 4,
// class 1, window 4, delay 4, nominal frequency 2, changes 2 ] | rate 2; a name is a length and its letters
func (f *flow) configuration3(b []byte, stream uint16, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	if binary.BigEndian.Uint16(b) > 1 { // a later part of one in several frames
		return dissect.OK
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	b = b[8:]
	for range n {
		name, rest, ok := named(b)
		if !ok || len(rest) < 26 {
			return dissect.Short
		}
		id := binary.BigEndian.Uint16(rest)
		phasors, analogs, digitals := int(binary.BigEndian.Uint16(rest[20:])), int(binary.BigEndian.Uint16(rest[22:])), int(binary.BigEndian.Uint16(rest[24:]))
		b = rest[26:]
		about := f.about(id, stream, n == 1, out)
		f.station(about, id, name, out)
		for i := range phasors + analogs + 16*digitals {
			channel, rest, ok := named(b)
			if !ok {
				return dissect.Short
			}
			if b = rest; i < min(phasors+analogs, maxChannels) {
				out.FactOf(about, "synphasor.channel", channel)
			}
		}
		fixed := 12*phasors + 8*analogs + 4*digitals + 21
		if len(b) < fixed+4 {
			return dissect.Short
		}
		f.frequency(about, binary.BigEndian.Uint16(b[fixed:]), out)
		f.number(about, "synphasor.config_changes", uint64(binary.BigEndian.Uint16(b[fixed+2:])), out)
		b = b[fixed+4:]
	}
	return f.rate(b, out)
}

func (f *flow) station(about ot.Host, id uint16, name []byte, out *dissect.Sink) {
	out.FactOf(about, "synphasor.station", name)
	f.number(about, "synphasor.idcode", uint64(id), out)
}

func (f *flow) frequency(about ot.Host, v uint16, out *dissect.Sink) {
	hertz := uint64(60)
	if v&1 == 1 {
		hertz = 50
	}
	f.number(about, "synphasor.nominal_frequency", hertz, out)
}

// rate is in frames a second or, below zero, in seconds a frame.
func (f *flow) rate(b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 2 {
		return dissect.Short
	}
	if v := int16(binary.BigEndian.Uint16(b)); v < 0 {
		out.Fact("synphasor.rate", strconv.AppendInt(append(f.text[:0], "1/"...), -int64(v), 10))
	} else {
		f.number(out.Src, "synphasor.rate", uint64(v), out)
	}
	return dissect.OK
}

// text cuts a name of fixed length at its padding.
func text(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimSpace(b)
}

func named(b []byte) (name, rest []byte, ok bool) {
	if len(b) < 1 || int(b[0]) > len(b)-1 {
		return nil, nil, false
	}
	return b[1 : 1+int(b[0])], b[1+int(b[0]):], true
}
