import Dialects
import Inventory

/// Enforces what a dialect declares and what the instance's metadataOptions say.
enum AdmissionGate {
  /// - Parameter token: What was found out about the token that the request shows; nil where it
  ///   shows none. A token that is not valid is refused also where none is needed, as AWS does.
  static func refusal(
    for options: MetadataOptions, in admission: Admission, token: SessionTokens.Verdict?
  ) -> Refusal? {
    switch token {
    case .valid: nil
    case .invalid(let fault): .tokenInvalid(fault)
    case nil: needsToken(options, in: admission) ? .tokenRequired : nil
    }
  }

  static func needsToken(_ options: MetadataOptions, in admission: Admission) -> Bool {
    guard options.httpTokens == .required else { return false }
    switch admission {
    case .sessionTokenWhereRequired(let least):
      return least == .ec2 || options.httpTokensScope == .all
    }
  }
}

/// AWS' checks of a request for a session token.
enum TokenRule {
  /// The methods of a token's path, as AWS tells them.
  static let allow = "OPTIONS, PUT"

  static func refusal(for request: GuestRequest) -> Refusal? {
    guard request.method == .put else { return .methodNotAllowed(allow: allow) }
    // A proxy that can be made to forward a PUT says for whom: a token is not for them.
    guard !request.fields.isForwarded else { return .tokenForwarded }
    return seconds(request.fields.tokenTTL) == nil ? .tokenTTL : nil
  }

  /// Nil for what is not a whole number from 1 to ``Limits/maximumTokenTTLSeconds``.
  static func seconds(_ text: [UInt8]?) -> Int? {
    guard let text, !text.isEmpty, text.count <= Limits.maximumTokenTTLBytes,
      text.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    let number = text.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    return (1...Limits.maximumTokenTTLSeconds).contains(number) ? number : nil
  }
}

/// Nova's checks of a posted password, in Nova's order.
enum PasswordRule {
  static func refusal(for body: [UInt8], current: Secret<[UInt8]>?) -> Refusal? {
    if current != nil { return .passwordAlreadySet }
    if body.count > Limits.maximumPasswordBytes { return .passwordTooLarge }
    if String(validating: body, as: UTF8.self) == nil { return .passwordNotUTF8 }
    return nil
  }
}

/// Counts the requests that are held for addresses nobody has declared yet.
struct HoldLedger {
  private var total = 0
  /// Networks may use the same addresses.
  private var byAddress: [Strangers.Source: Int] = [:]

  /// Whether one more request from this address may be held.
  mutating func take(_ address: Strangers.Source) -> Bool {
    let own = byAddress[address, default: 0]
    guard total < Limits.maximumHeldRequests, own < Limits.maximumHeldRequestsPerAddress else {
      return false
    }
    total += 1
    byAddress[address] = own + 1
    return true
  }

  mutating func release(_ address: Strangers.Source) {
    guard let own = byAddress[address] else { return }
    total -= 1
    byAddress[address] = own == 1 ? nil : own - 1
  }
}
