package kernel

import (
	"bytes"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// FuzzNATRule holds that no rule and no set makes the walk panic or go on for ever.
// It begins with rules as the kernel gives them.
func FuzzNATRule(f *testing.F) {
	isolate(f)
	loadRules(f, `table ip t {
		set s { type ipv4_addr . inet_service; flags interval; elements = { 192.168.1.0/24 . 80-90 }
		}
		chain web { dnat to 192.168.1.5
		}
		chain p { type nat hook prerouting priority dstnat
			iifname "wan0" tcp dport 8080 counter dnat to 192.168.1.20:80 comment "x"
			ip saddr . tcp dport @s dnat to 192.168.1.20
			dnat to tcp dport map { 80 : 192.168.1.5 . 8080 }
			tcp dport vmap { 81 : jump web }
			tcp dport & 1 == 1 iif "lo" dnat to 192.168.1.5
		}
	}`)
	p := openPortMappings(f)
	req := request(unix.NFPROTO_IPV4, unix.NFT_MSG_GETRULE, netlink.Dump)
	_, err := p.dumper.dump(req, func(data []byte) error {
		f.Add(bytes.Clone(data[4:]), []byte("\x08\x00\x01\x00\x00\x50\x00\x00"), 4)
		return nil
	})
	must(f, err)
	f.Fuzz(func(t *testing.T, rule, element []byte, keyLength int) {
		w := &natWalk{
			rules: func(natName) ([]natRule, error) { return []natRule{parseRule(rule)}, nil },
			set: func(_ natName, want func(int) bool) (*natSet, error) {
				want(keyLength)
				e := parseElement(element)
				return &natSet{keyLength: keyLength, elements: elements([]rawElement{e, e}, keyLength%2 == 0)}, nil
			},
			interfaceName: func(int) string { return "" },
		}
		if err := w.chain(natName{family: unix.NFPROTO_IPV4}, anyFlow); err != nil && !isBound(err) {
			t.Error(err)
		}
		if len(w.mappings) > maxMappings {
			t.Errorf("%d mappings", len(w.mappings))
		}
	})
}
