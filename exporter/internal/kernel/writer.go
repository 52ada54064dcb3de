package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Flags of a table, linux/netfilter/nf_tables.h: with the first only the socket
// that set it may change the table, and nobody else's flush touches it; with the
// second, since Linux 6.9, the table outlives that socket and can be taken over
// by the next.
const (
	tableOwner   = 0x2 // NFT_TABLE_F_OWNER
	tablePersist = 0x4 // NFT_TABLE_F_PERSIST
	tableFlags   = tableOwner | tablePersist
)

// writer sends transactions of nftables. To own tables it has to be one socket
// for all of them; otherwise each transaction has its own, so that no late answer
// is taken for another's.
type writer struct {
	*nftables.Conn
	owning bool
	socket *netlink.Conn   // while owning
	owned  map[uint64]bool // handles of the tables that the socket owns
}

func openWriter(owning bool) (*writer, error) {
	w := &writer{owning: owning}
	if err := w.open(); err != nil || !owning {
		return w, err
	}
	return w, w.probe()
}

// probe gives up owning where the kernel cannot keep such tables, so that those
// there are without protection are taken over as they are. It makes a table and
// deletes it in one transaction, which nobody sees. Kernels answer EOPNOTSUPP to
// flags that they do not know, before Linux 5.13 EINVAL; other errors are for
// Ensure to tell.
func (w *writer) probe() error {
	t := &nftables.Table{Name: "probe_" + token(), Family: nftables.TableFamilyINet}
	err := w.transact(newOwned(t), tableMessage(t, unix.NFT_MSG_DELTABLE, 0))
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		w.owning = false
	}
	if err != nil {
		return w.reopen()
	}
	return nil
}

func (w *writer) open() error {
	options := []nftables.ConnOption{nftables.WithSockOptions(func(c *netlink.Conn) error {
		if w.owning {
			w.socket = c
		}
		return prepareSocket(c)
	})}
	if w.owning {
		options = append(options, nftables.AsLasting())
	}
	w.socket, w.owned = nil, map[uint64]bool{}
	conn, err := nftables.New(options...)
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	w.Conn = conn
	return nil
}

// prepareSocket readies a socket for a transaction. The kernel echoes every rule
// at once, which overruns a buffer of the default size from a dozen LAN prefixes
// on. Where larger buffers are refused the default ones have to do.
func prepareSocket(c *netlink.Conn) error {
	_ = c.SetReadBuffer(16 << 20)
	_ = c.SetWriteBuffer(4 << 20)
	return c.SetDeadline(time.Now().Add(dumpTimeout))
}

// Flush sends what is pending as one transaction. After an error the owning
// socket is replaced, for it may hold more answers; the tables have to be owned
// anew.
func (w *writer) Flush() error {
	if w.socket != nil {
		if err := w.socket.SetDeadline(time.Now().Add(dumpTimeout)); err != nil {
			return err
		}
	}
	err := w.Conn.Flush()
	if err != nil && w.owning {
		err = errors.Join(err, w.reopen())
	}
	return err
}

func (w *writer) reopen() error { return errors.Join(w.CloseLasting(), w.open()) }

// adopt takes over a table that an earlier run left behind.
func (w *writer) adopt(t *nftables.Table, s tableState) error {
	if !w.owning || w.owned[s.handle] {
		return nil
	}
	err := w.own(t)
	w.owned[s.handle] = err == nil
	return err
}

// own makes a table, or takes over one that nobody owns. (google/nftables v0.3.0
// sends no flags.)
func (w *writer) own(t *nftables.Table) error {
	if w.socket == nil {
		if err := w.reopen(); err != nil {
			return err
		}
	}
	err := w.transact(newOwned(t))
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("another program owns table %s: is another exporter running? (%w)", t.Name, err)
	case err != nil:
		return errors.Join(fmt.Errorf("own table %s: %w", t.Name, err), w.reopen())
	}
	return nil
}

// transact sends a transaction by the owning socket and waits for the answer to
// its first message.
func (w *writer) transact(messages ...netlink.Message) error {
	if err := w.socket.SetDeadline(time.Now().Add(dumpTimeout)); err != nil {
		return err
	}
	batch := func(typ uint16) netlink.Message {
		return netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(typ), Flags: netlink.Request},
			Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES},
		}
	}
	all := slices.Concat([]netlink.Message{batch(unix.NFNL_MSG_BATCH_BEGIN)}, messages, []netlink.Message{batch(unix.NFNL_MSG_BATCH_END)})
	_, err := w.socket.SendMessages(all)
	if err == nil {
		_, err = w.socket.Receive()
	}
	return err
}

// newOwned makes a table that this socket owns.
func newOwned(t *nftables.Table) netlink.Message {
	m := tableMessage(t, unix.NFT_MSG_NEWTABLE, netlink.Acknowledge|netlink.Create)
	m.Data = appendAttr(m.Data, unix.NFTA_TABLE_FLAGS, binary.BigEndian.AppendUint32(nil, tableFlags))
	return m
}

func tableMessage(t *nftables.Table, typ uint16, flags netlink.HeaderFlags) netlink.Message {
	return request(byte(t.Family), typ, netlink.Request|flags, attr{unix.NFTA_TABLE_NAME, t.Name})
}

// Close gives up ownership; the tables stay.
func (w *writer) Close() error { return w.CloseLasting() }
