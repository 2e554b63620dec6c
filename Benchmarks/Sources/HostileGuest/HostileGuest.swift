import Glibc

/// A guest that means harm, for tests, the bench and the soak.
@main
struct HostileGuest {
  static let usage = """
    usage: hostile-guest MODE PORT SOURCE [--pause SECONDS] [--total N]

    Attacks 127.0.0.1:PORT from the address SOURCE until it is told to stop (SIGTERM), or until it
    has opened N connections; says `attacking` once the attack is under way. With --pause it rests so
    long after each step, for a load that leaves the machine usable.

      slowloris     heads that never end, on as many connections as it gets
      connections   connections that never say anything; those that are closed are opened anew
      pipeline      requests without end on a few connections, answers thrown away
      unread        requests for large answers without end, no answer is ever read
      drip          requests of one byte at a time
      half-closed   a request, then its own side is closed; the answer is never read
      reset         connections that are reset, with and without a request on the way
      reconnect     a connection for each request, as fast as it goes

    """

  static func main() {
    guard let options = Options(CommandLine.arguments.dropFirst()) else {
      say(usage, to: 2)
      exit(2)
    }
    signal(SIGTERM) { _ in _exit(0) }
    allowAllDescriptors()
    var attack = Attack(options)
    attack.run()
    attack.tell()
    say("opened \(attack.opened)\n")
  }

  /// Writes at once: somebody waits for it.
  static func say(_ text: String, to descriptor: Int32 = 1) {
    let bytes = Array(text.utf8)
    _ = unsafe write(descriptor, bytes, bytes.count)
  }

  private static func allowAllDescriptors() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

/// What the command line says.
struct Options {
  var mode: Attack.Mode
  var port: UInt16
  var source: in_addr
  var pauseSeconds = 0.0
  /// Nil for no end.
  var total: Int?

  init?(_ words: some Collection<String>) {
    var words = Array(words)[...]
    guard let mode = words.popFirst().flatMap({ Attack.Mode(rawValue: $0) }),
      let port = words.popFirst().flatMap({ UInt16($0) }), let source = words.popFirst()
    else { return nil }
    self.mode = mode
    self.port = port
    self.source = in_addr()
    guard unsafe inet_pton(AF_INET, source, &self.source) == 1 else { return nil }
    while let name = words.popFirst() {
      guard let value = words.popFirst().flatMap({ Double($0) }), (0...1e9).contains(value) else {
        return nil
      }
      switch name {
      case "--pause": pauseSeconds = value
      case "--total": total = Int(value)
      default: return nil
      }
    }
  }
}
