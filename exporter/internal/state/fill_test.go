package state

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"router-monitoring/exporter/internal/registry"
	"router-monitoring/exporter/internal/sample"
)

// filled gives a state in which no field is zero, whatever fields there are, so
// that one the format forgets is missed.
func filled(t testing.TB) *registry.State {
	t.Helper()
	s := new(registry.State)
	n := uint64(0)
	fill(t, "State", reflect.ValueOf(s).Elem(), &n)
	return s
}

func fill(t testing.TB, path string, v reflect.Value, n *uint64) {
	t.Helper()
	*n++
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Date(2026, 1, 2, 15, 4, 5, int(*n), time.UTC)
		return
	case *netip.Addr:
		*p = netip.AddrFrom16([16]byte{0xfd, 14: byte(*n >> 8), 15: byte(*n)})
		return
	case *sample.Hook:
		*p = sample.AtDevice
		return
	case *sample.Class:
		*p = sample.Local
		return
	case *sample.Direction:
		*p = sample.Download
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, path+"."+v.Type().Field(i).Name, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, path+"[]", v.Index(i), n)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, path+"[key]", key, n)
		fill(t, path+"[value]", value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, path, v.Elem(), n)
	case reflect.String:
		v.SetString("text " + path)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(*n%255 + 1)
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(*n)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n%127 + 1))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	default:
		t.Fatalf("%s: fill cannot make a %s", path, v.Type())
	}
}
