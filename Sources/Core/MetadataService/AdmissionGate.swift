import Dialects
import Inventory

/// Enforces what a dialect declares and what the instance's metadataOptions say.
enum AdmissionGate {
  static func refusal(for instance: Instance, in admission: Admission) -> Refusal? {
    guard instance.metadataOptions.httpEndpoint == .enabled else { return .endpointDisabled }
    switch admission {
    case .open: return nil
    case .sessionTokenWhereRequired:
      // No token is handed out yet, so none can be right: requiring one closes the dialect.
      return instance.metadataOptions.httpTokens == .required ? .tokenRequired : nil
    }
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
