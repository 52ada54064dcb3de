package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stageVar tells a re-executed program which part it plays and how many extra
// files it inherited: "init 2" or "inside 2". The last stage removes it, so
// that a program started inside the lab may build a lab of its own.
const stageVar = "ROUTER_MONITORING_LAB"

// firstExtraFile is the descriptor of the first inherited file, after stderr.
const firstExtraFile = 3

var (
	isolated  bool
	inherited []*os.File
)

// forwarded are the signals that ask a program to end; the inner process must
// see them even if only the outer one was told.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// Isolate moves the program into network, mount and pid namespaces of its own,
// and into a user namespace too unless it is root. It must be the first call of
// main or TestMain: it runs the program again from the start and only returns
// there; the first process waits, passes signals on and exits with the same
// status. The new network namespace becomes the router.
//
// The files are handed to the inner process, which finds them with Inherited.
func Isolate(files ...*os.File) {
	stage, count, _ := strings.Cut(os.Getenv(stageVar), " ")
	switch stage {
	case "":
		exit(spawn("init", files, namespaces()))
	case "init":
		if err := prepareNamespaces(); err != nil {
			exit(1, err)
		}
		exit(spawn("inside", inheritFiles(count), &syscall.SysProcAttr{}))
	case "inside":
		_ = os.Unsetenv(stageVar)
		inherited = inheritFiles(count)
		isolated = true
	default:
		exit(1, fmt.Errorf("%s=%q is not a stage of the lab", stageVar, stage))
	}
}

// Isolated tells whether the program already runs inside its namespaces or is
// about to: code that has to run in the host's namespaces asks it before
// Isolate.
func Isolated() bool { return isolated || os.Getenv(stageVar) != "" }

// Inherited gives the files that were handed to Isolate, in the same order.
func Inherited() []*os.File { return inherited }

// exit ends one of the outer processes.
func exit(status int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
	}
	os.Exit(status)
}

// namespaces asks for the lab's namespaces. The child dies with its parent, and
// as it is process 1 of a pid namespace all that it started dies with it.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	return attr
}

// spawn runs this program again as the given stage and waits for its end.
func spawn(stage string, files []*os.File, attr *syscall.SysProcAttr) (status int, err error) {
	// Pdeathsig is sent when the thread that forked ends, not the process.
	runtime.LockOSThread()

	// Without the marker in our own environment two values would compete.
	_ = os.Unsetenv(stageVar)
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprintf("%s=%s %d", stageVar, stage, len(files))),
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, files...),
		Sys:   attr,
	})
	if err != nil {
		return 1, fmt.Errorf("enter namespaces (an ordinary user needs unprivileged user namespaces, see "+
			"kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns): %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)
	go func() {
		for s := range signals {
			_ = child.Signal(s)
		}
	}()
	return reapUntil(child.Pid)
}

// reapUntil collects every child that ends until the one asked for does: the
// init stage is process 1 and inherits the orphans of its namespace. It runs in
// a process of its own because a wait for any child would take the exit status
// away from os/exec.
func reapUntil(pid int) (status int, err error) {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("wait for process %d: %w", pid, err)
		case got != pid:
		case ws.Signaled():
			return 128 + int(ws.Signal()), nil
		case ws.Exited():
			return ws.ExitStatus(), nil
		}
	}
}

// prepareNamespaces makes /proc and /sys show the new namespaces and brings
// loopback up.
func prepareNamespaces() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// A container that masks parts of /proc or /sys refuses new mounts of them.
	// The old ones serve: /proc/sys/net follows the reader's namespace anyway.
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	for dir, fs := range map[string]string{"/proc": "proc", "/sys": "sysfs"} {
		if err := unix.Mount(fs, dir, fs, flags, ""); err != nil && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return loopbackUp()
}

func inheritFiles(count string) []*os.File {
	n, _ := strconv.Atoi(count)
	files := make([]*os.File, n)
	for i := range files {
		fd := firstExtraFile + i
		unix.CloseOnExec(fd)
		files[i] = os.NewFile(uintptr(fd), "inherited-"+strconv.Itoa(i))
	}
	return files
}

// lookTool finds a system program; an ordinary user's PATH often lacks sbin.
func lookTool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if path, sbinErr := exec.LookPath(dir + name); sbinErr == nil {
			return path, nil
		}
	}
	return "", err
}
