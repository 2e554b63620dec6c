/// What a service or a drive says of this machine, checked.
public struct InstanceMetadata: Sendable {
  /// A value of the service's, or that it has none, or that nobody knows at the moment.
  enum Told<Value: Sendable>: Sendable {
    case value(Value)
    /// A value without a byte: meant, or a fault; whatever is there stays.
    case empty
    case nothing
    case unknown(AgentError)
  }

  /// OpenStack's UUID or EC2's instance id.
  var id: String
  /// Where it came from, for people.
  var source: String
  /// As the service says it, with its domain.
  var hostName: Told<HostName>
  var keys: [PublicKey] = []
  /// Keys that are none, by name, with the reason.
  var refusedKeys: [String] = []
  var userData: Told<[UInt8]> = .nothing
  var isFromDrive = false
  /// What stands for all this, where the service can tell when it is another.
  var tag: String?
  /// Where a password can be posted; EC2's services have no such place.
  var passwordService: MetadataSession?

  /// Takes a key in, or the reason why not.
  mutating func add(key bytes: [UInt8], name: String) {
    do throws(AgentError) {
      keys.append(try PublicKey(bytes))
    } catch {
      refusedKeys.append("the key \(AgentError.quote(name.utf8)) is refused: \(error)")
    }
  }

  /// An id from outside is good where it is a short word.
  static func checkID(_ text: String) throws(AgentError) -> String {
    let isWord = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isWord, (1...128).contains(text.utf8.count) else {
      throw AgentError("\(AgentError.quote(text.utf8)) is no id of an instance")
    }
    return text
  }
}

/// A host name: labels of letters, digits, `-` and `_` between dots.
struct HostName: Hashable, Sendable {
  let full: String
  /// The first label: what the kernel and /etc/hostname get.
  let short: String

  init(_ text: String) throws(AgentError) {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let isGood = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.utf8.first != 0x2D && label.utf8.last != 0x2D
        && label.utf8.allSatisfy {
          switch $0 {
          case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2D, 0x5F: true
          default: false
          }
        }
    }
    guard isGood, text.utf8.count <= 253, let first = labels.first else {
      throw AgentError("\(AgentError.quote(text.utf8)) is no host name")
    }
    full = text
    short = String(first)
  }

  static func told(_ text: String?) -> InstanceMetadata.Told<HostName> {
    guard let text, !text.isEmpty else { return .nothing }
    do throws(AgentError) { return .value(try HostName(text)) } catch { return .unknown(error) }
  }
}
