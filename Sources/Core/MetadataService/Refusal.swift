public import Inventory

/// Every reason for which a guest gets no document. This is the one table from reasons to statuses,
/// counters and texts.
///
/// Indirect, for its absence is handed on with every answer.
public indirect enum Refusal: Error, Sendable, Hashable {
  // Who asks
  /// No instance has the address on the listener's network.
  case unknownAddress
  /// Several networks have the address and the listener serves them all.
  case ambiguousAddress([NetworkID])
  /// The address is known, but no instance's: the guest's own was lost on the way.
  case translatedAddress(IPAddress, AddressRole)
  /// The neighbour table has another MAC for the address than its instance's interface has.
  case macMismatch(MACConflict)
  /// The address's instance has a MAC and the neighbour table has none just now.
  case macUnknown
  /// The connection's earlier requests were this instance's, which has the address no more.
  case callerChanged(InstanceID)
  /// The instance's httpEndpoint is disabled.
  case endpointDisabled
  /// The instance requires session tokens and none was sent.
  case tokenRequired
  /// The session token that was sent is none of this guest's, or no longer.
  case tokenInvalid(TokenFault)
  /// A token is asked for through a proxy that forwards for somebody else.
  case tokenForwarded
  /// A token is asked for without a time to live, or for a time that none may have.
  case tokenTTL
  /// There is no key to seal tokens with.
  case tokenKeyMissing
  // What is asked
  case malformedTarget
  /// The request is addressed to a name that is none of ours.
  case foreignHost(String)
  case notFound
  case methodNotAllowed(allow: String)
  // The password document
  case passwordAlreadySet
  case passwordTooLarge
  case passwordNotUTF8
  // Ourselves
  case storeUnavailable(String)
  case vendorDataFailed(target: String)
  case tooManyPending
  // HTTP
  case malformedRequest(String)
  case unsupportedVersion
  case targetTooLong
  case headTooLarge
  case bodyTooLarge
  case requestTimeout
  case tooManyConnections
  /// The guest, or all together, have used up their requests.
  case tooManyRequests(retryAfterSeconds: Int)
  /// The same of bytes of large answers.
  case tooManyBytes(retryAfterSeconds: Int)
  /// The connection's buffers would be too much; it is closed without an answer.
  case tooMuchHeld

  public var code: String { reason.rawValue }

  /// Whether the connection ends with it: whoever it is for asks on a new one.
  public var endsConnection: Bool {
    if case .callerChanged = self { true } else { false }
  }

  /// The HTTP status. Strangers get the 404 of a path that does not exist.
  public var status: Int {
    switch self {
    case .malformedTarget, .malformedRequest, .passwordTooLarge, .passwordNotUTF8, .tokenTTL: 400
    case .tokenRequired, .tokenInvalid: 401
    case .endpointDisabled, .tokenForwarded: 403
    case .unknownAddress, .ambiguousAddress, .translatedAddress, .macMismatch, .notFound: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .passwordAlreadySet: 409
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .foreignHost, .callerChanged: 421
    case .tooManyRequests, .tooManyBytes: 429
    case .headTooLarge: 431
    case .vendorDataFailed: 500
    case .macUnknown, .storeUnavailable, .tokenKeyMissing, .tooManyPending, .tooManyConnections,
      .tooMuchHeld:
      503
    case .unsupportedVersion: 505
    }
  }

  /// After how long it is worth trying again, where it is a matter of time.
  public var retryAfterSeconds: Int? {
    switch self {
    case .tooManyRequests(let seconds), .tooManyBytes(let seconds): seconds
    case .macUnknown, .storeUnavailable, .tokenKeyMissing, .tooManyPending, .tooManyConnections: 1
    default: nil
    }
  }

  /// What the guest reads. It says nothing that a stranger should not know.
  public var guestText: String {
    switch self {
    case .unknownAddress, .ambiguousAddress, .translatedAddress, .macMismatch, .notFound:
      "404 Not Found\n"
    case .malformedTarget, .malformedRequest: "400 Bad Request\n"
    case .tokenRequired: "401 Unauthorized: a session token is required\n"
    case .tokenInvalid: "401 Unauthorized: the session token is not valid\n"
    case .tokenForwarded: "403 Forbidden: session tokens are not given to proxies\n"
    case .tokenTTL:
      "400 Bad Request: \(TokenTTLField.aws.name) must be 1 to \(Limits.maximumTokenTTLSeconds)\n"
    case .endpointDisabled: "403 Forbidden: the metadata service is disabled for this instance\n"
    case .methodNotAllowed: "405 Method Not Allowed\n"
    case .requestTimeout: "408 Request Timeout\n"
    case .passwordAlreadySet: "409 Conflict: the password is set already\n"
    case .passwordTooLarge:
      "400 Bad Request: a password has at most \(Limits.maximumPasswordBytes) bytes\n"
    case .passwordNotUTF8: "400 Bad Request: a password must be UTF-8\n"
    case .bodyTooLarge: "413 Content Too Large\n"
    case .targetTooLong: "414 URI Too Long\n"
    case .foreignHost: "421 Misdirected Request\n"
    case .callerChanged: "421 Misdirected Request: ask again on a new connection\n"
    case .tooManyRequests, .tooManyBytes: "429 Too Many Requests\n"
    case .headTooLarge: "431 Request Header Fields Too Large\n"
    case .vendorDataFailed: "500 Internal Server Error\n"
    case .macUnknown, .storeUnavailable, .tokenKeyMissing, .tooManyPending, .tooManyConnections,
      .tooMuchHeld:
      "503 Service Unavailable\n"
    case .unsupportedVersion: "505 HTTP Version Not Supported\n"
    }
  }

  /// What the log says beyond the code.
  public var detail: String {
    switch self {
    case .unknownAddress: "no instance is declared with this address on this network"
    case .ambiguousAddress(let networks):
      "the address is declared on \(networks.map(\.text).joined(separator: ", "))"
        + (networks.count < Limits.maximumNamedNetworks ? "; " : " and perhaps others; ")
        + "give each of these networks a listener of its own"
    case .translatedAddress(let address, let role):
      "request from \(address) (\(role)): the fixed IP was NATed away"
    case .macMismatch(let conflict): "\(conflict)"
    case .macUnknown:
      "the neighbour table has no MAC for the address just now; that this is answered makes the"
        + " kernel look for it"
    case .callerChanged(let earlier):
      "the connection's earlier requests were of instance \(earlier), which has the address no more"
    case .endpointDisabled: "metadataOptions.httpEndpoint is disabled"
    case .tokenRequired: "no session token was sent, and metadataOptions.httpTokens is required"
    case .tokenInvalid(let fault): "the session token is not accepted: \(fault.rawValue)"
    case .tokenForwarded: "a session token was asked for with X-Forwarded-For"
    case .tokenKeyMissing: "the store has given no key to seal session tokens with yet"
    case .methodNotAllowed(let allow): "the path takes \(allow)"
    case .foreignHost(let host):
      "the Host '\(host)' is none of ours; if guests use it, add it to metadata_names"
    case .storeUnavailable(let reason), .malformedRequest(let reason): reason
    case .tooManyRequests: "the budget of requests is used up"
    case .tooManyBytes: "the budget of bytes is used up"
    case .tooManyConnections: "the guest, or all together, have too many connections"
    case .tooMuchHeld: "the guest sends or takes so slowly that its buffers are too large"
    case .vendorDataFailed(let target): "the vendor data target '\(target)' gave no answer"
    default: guestText.trimmed
    }
  }
}
