import Glibc

/// What the kernel tells of changes in the directory of namespaces.
///
/// inotify tells of names that come, go and change, and not that a namespace has been mounted over
/// the empty file that `ip netns add` makes first. For that, /proc/self/mountinfo is polled, which
/// reports a change of this process' mounts as an exceptional condition (proc_pid_mountinfo(5)).
struct NamespaceEvents: ~Copyable {
  private let directory: String
  private let inotify: Int32
  private let mounts: Int32
  /// What inotify watches; -1 for nothing.
  private var watched: Int32 = -1

  init(directory: String) {
    self.directory = directory
    inotify = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    mounts = unsafe open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
  }

  deinit {
    if inotify >= 0 { close(inotify) }
    if mounts >= 0 { close(mounts) }
  }

  /// Why changes may be seen late; nil where all is well.
  var problem: String? {
    if inotify >= 0, mounts >= 0 { return nil }
    let source = inotify < 0 ? "inotify; is fs.inotify.max_user_instances reached?" : "mountinfo"
    return "changes of \(directory) may be seen some seconds late: there is no \(source)"
  }

  /// Watches the directory, or what it will be made in.
  mutating func watch() {
    guard inotify >= 0 else { return }
    let mask =
      UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO)
      | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
    var watch = unsafe inotify_add_watch(inotify, directory, mask)
    if watch < 0 {
      watch = unsafe inotify_add_watch(inotify, NamespaceEvents.parent(of: directory), mask)
    }
    // The same directory gives the same number again.
    if watched >= 0, watched != watch { inotify_rm_watch(inotify, watched) }
    watched = watch
  }

  /// Waits for a change, or so long.
  /// - Returns: False where `wake` ended the wait.
  mutating func wait(for milliseconds: Int32, or wake: Int32) -> Bool {
    var polled = [
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      // Negative ones are passed over.
      pollfd(fd: inotify, events: Int16(POLLIN), revents: 0),
      pollfd(fd: mounts, events: Int16(POLLPRI) | Int16(POLLERR), revents: 0),
    ]
    _ = unsafe poll(&polled, nfds_t(polled.count), milliseconds)
    forgetEvents()
    return polled.first?.revents == 0
  }

  /// Which event it was does not matter: the directory is read anew.
  private func forgetEvents() {
    guard inotify >= 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while unsafe read(inotify, &buffer, buffer.count) > 0 {}
  }

  static func parent(of path: String) -> String {
    let parts = path.split(separator: "/")
    let start = path.hasPrefix("/") ? "/" : ""
    return parts.count > 1 || !start.isEmpty
      ? start + parts.dropLast().joined(separator: "/") : "."
  }
}
