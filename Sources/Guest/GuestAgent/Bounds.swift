/// Every bound of the agent, with its reason. Whoever answers is not trusted with more.
enum Bounds {
  /// A status line and headers; services send a few hundred bytes.
  static let headBytes = 16 * 1024
  /// meta_data.json with a hundred keys, or an instance's metadata at its limit, and room.
  static let documentBytes = 4 * 1024 * 1024
  /// A leaf of EC2's tree: one key, or one line.
  static let leafBytes = 32 * 1024
  /// Clouds take 16 to 64 KiB; a config drive may hold more.
  static let userDataBytes = 1024 * 1024
  /// AWS' tokens are 56 bytes; a signed one is some hundreds.
  static let tokenBytes = 4 * 1024
  /// What Nova stores of a password.
  static let passwordBytes = 1020
  /// The same as a service of ours declares at most.
  static let keys = 100
  /// Longer than an RSA key of 16,384 bits with its comment.
  static let keyBytes = 16 * 1024
  /// Somebody's authorized_keys; a larger one is not touched.
  static let authorizedKeysBytes = 1024 * 1024
  /// The kernel's own, for a host name.
  static let hostNameBytes = 64
  /// A machine with more is a host of machines, and none of the rest leads to its service.
  static let interfaces = 32
  /// A SYN that is lost is sent again after 1 s.
  static let connectMilliseconds: Int64 = 3_000
  /// From a request's first byte to its answer's last, however slowly it drips. Services hold a
  /// request whose record is on its way for some seconds.
  static let answerMilliseconds: Int64 = 10_000
  /// How long a service is asked to hold a question back until its answer is another. What is between
  /// keeps a silent connection for at least a minute.
  static let holdSeconds = 25
  /// Between two such questions: a service that always says something new is not asked without a
  /// pause.
  static let holdPauseMilliseconds: Int64 = 1_000
  /// How long a better endpoint may take before one that is connected already is asked.
  static let headStartMilliseconds: Int64 = 250
  /// Each round asks for a token of its own, and lasts no longer.
  static let tokenSeconds = 60
  /// The first wait after a failure, and the longest.
  static let firstWaitMilliseconds: Int64 = 250
  static let longestWaitMilliseconds: Int64 = 30_000
}
