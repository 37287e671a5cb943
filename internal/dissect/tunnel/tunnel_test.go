package tunnel

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect/dissecttest"
)

func TestContract(t *testing.T) {
	t.Run("gre", func(t *testing.T) { dissecttest.Run(t, GRE{}, "testdata/gre.txt") })
	t.Run("vxlan", func(t *testing.T) { dissecttest.Run(t, VXLAN{}, "testdata/vxlan.txt") })
	t.Run("pppoe", func(t *testing.T) { dissecttest.Run(t, PPPoE{}, "testdata/pppoe.txt") })
}

func FuzzGRE(f *testing.F) { dissecttest.Fuzz(f, GRE{}, "testdata/gre.txt") }

func FuzzVXLAN(f *testing.F) { dissecttest.Fuzz(f, VXLAN{}, "testdata/vxlan.txt") }

func FuzzPPPoE(f *testing.F) { dissecttest.Fuzz(f, PPPoE{}, "testdata/pppoe.txt") }
