package registry

import "net/netip"

// Holder gives the primary address and the name of the client that holds an
// address. ok is false if none does.
func (r *Registry) Holder(addr netip.Addr) (primary netip.Addr, name string, ok bool) {
	h := r.byAddr[addr]
	if h == nil {
		return addr, "", false
	}
	r.rename(h.client)
	name, _ = r.name(h.client)
	return h.client.primary, name, true
}
