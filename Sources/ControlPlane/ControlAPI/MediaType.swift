/// The types of the bodies that the control API takes and gives.
public enum MediaType: String, Sendable, CaseIterable {
  case json = "application/json"
  case problem = "application/problem+json"
  case ndjson = "application/x-ndjson"
  case eventStream = "text/event-stream"
  /// RFC 7396, for PATCH.
  case mergePatch = "application/merge-patch+json"
}

/// Header fields that are the control API's own.
public enum ControlHeader {
  /// The status that the guest would have got, on an answer to a look.
  public static let guestStatus = "Nameplate-Guest-Status"
}
