import Glibc

/// Gives a user a password that nobody knows but the owner of the instance's RSA key: made here,
/// encrypted for the key, and posted where `nova get-password` finds it. Once for an instance.
public struct PasswordManager: Manager {
  private let user: String
  private let state: String

  public var name: String { "password of \(user)" }
  public var needsService: Bool { true }

  public init(user: String, state: String) {
    self.user = user
    self.state = state
  }

  public func difference(from metadata: InstanceMetadata) throws(AgentError) -> Difference? {
    guard let service = metadata.passwordService else {
      throw AgentError("\(metadata.source) takes no password: OpenStack's service does")
    }
    guard let posted = try service.password() else {
      throw AgentError("\(metadata.source) takes no password (404)")
    }
    // Somebody's is there already: it can be set once.
    guard posted.isEmpty else { return nil }
    guard let key = metadata.keys.first(where: { $0.type == "ssh-rsa" }) else {
      throw AgentError("no RSA key among this machine's keys, and no other kind encrypts")
    }
    _ = try Account(named: user)
    return Difference(
      title: "password of \(user)", lines: ["+ a new one, encrypted for \(key.name)"],
      done: "\(user) has a password: 'nova get-password' or 'nameplate instance password' has it",
      set: { () throws(AgentError) in try set(key, service) })
  }

  private func set(_ key: PublicKey, _ service: MetadataSession) throws(AgentError) {
    let password = PasswordManager.make()
    // What can fail for want of a tool comes first, and the posting last: what is there can be
    // read, so it must be true.
    let encrypted = try RSAEncryption.encrypt(password, for: key, state: state)
    guard let tool = Command.find("chpasswd") else {
      throw AgentError("chpasswd is not installed: it sets the password")
    }
    let line = Array("\(user):".utf8) + password + [0x0A]
    guard try Command.run([tool], input: line).status == 0 else {
      throw AgentError("chpasswd refused the password")
    }
    try service.post(password: encrypted)
  }

  /// 20 of 57 characters that cannot be mistaken for one another: 116 bits.
  private static func make() -> [UInt8] {
    let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789".utf8)
    var generator = SystemRandomNumberGenerator()
    return (0..<20).compactMap { _ in alphabet.randomElement(using: &generator) }
  }
}
