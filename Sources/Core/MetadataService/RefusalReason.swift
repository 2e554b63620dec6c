extension Refusal.Reason {
  /// Those of rules that can be watched before they are enforced.
  static let audited: [Refusal.Reason] = [.foreignHost, .macMismatch]
}

extension Refusal {
  /// The reason in a word, for logs, metrics and traces; it never changes.
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    case unknownAddress = "unknown-address"
    case ambiguousAddress = "ambiguous-address"
    case translatedAddress = "translated-address"
    case macMismatch = "mac-mismatch"
    case macUnknown = "mac-unknown"
    case callerChanged = "caller-changed"
    case endpointDisabled = "endpoint-disabled"
    case tokenRequired = "token-required"
    case tokenInvalid = "token-invalid"
    case tokenForwarded = "token-forwarded"
    case tokenTTL = "token-ttl"
    case tokenKeyMissing = "token-key-missing"
    case malformedTarget = "malformed-target"
    case foreignHost = "foreign-host"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case passwordAlreadySet = "password-already-set"
    case passwordTooLarge = "password-too-large"
    case passwordNotUTF8 = "password-not-utf8"
    case storeUnavailable = "store-unavailable"
    case vendorDataFailed = "vendor-data-failed"
    case tooManyPending = "too-many-pending"
    case malformedRequest = "malformed-request"
    case unsupportedVersion = "unsupported-version"
    case targetTooLong = "target-too-long"
    case headTooLarge = "head-too-large"
    case bodyTooLarge = "body-too-large"
    case requestTimeout = "request-timeout"
    case tooManyConnections = "too-many-connections"
    case tooManyRequests = "too-many-requests"
    case tooManyBytes = "too-many-bytes"
    case tooMuchHeld = "too-much-held"
  }

  public var reason: Reason {
    switch self {
    case .unknownAddress: .unknownAddress
    case .ambiguousAddress: .ambiguousAddress
    case .translatedAddress: .translatedAddress
    case .macMismatch: .macMismatch
    case .macUnknown: .macUnknown
    case .callerChanged: .callerChanged
    case .endpointDisabled: .endpointDisabled
    case .tokenRequired: .tokenRequired
    case .tokenInvalid: .tokenInvalid
    case .tokenForwarded: .tokenForwarded
    case .tokenTTL: .tokenTTL
    case .tokenKeyMissing: .tokenKeyMissing
    case .malformedTarget: .malformedTarget
    case .foreignHost: .foreignHost
    case .notFound: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .passwordAlreadySet: .passwordAlreadySet
    case .passwordTooLarge: .passwordTooLarge
    case .passwordNotUTF8: .passwordNotUTF8
    case .storeUnavailable: .storeUnavailable
    case .vendorDataFailed: .vendorDataFailed
    case .tooManyPending: .tooManyPending
    case .malformedRequest: .malformedRequest
    case .unsupportedVersion: .unsupportedVersion
    case .targetTooLong: .targetTooLong
    case .headTooLarge: .headTooLarge
    case .bodyTooLarge: .bodyTooLarge
    case .requestTimeout: .requestTimeout
    case .tooManyConnections: .tooManyConnections
    case .tooManyRequests: .tooManyRequests
    case .tooManyBytes: .tooManyBytes
    case .tooMuchHeld: .tooMuchHeld
    }
  }
}
