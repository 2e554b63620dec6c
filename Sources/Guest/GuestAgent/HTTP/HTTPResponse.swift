/// An answer, whole.
struct HTTPResponse: Hashable, Sendable {
  var status: Int
  var contentType = ""
  /// What stands for the document, where the service says it.
  var tag: String?
  var body: [UInt8] = []

  /// What a captive portal or a proxy answers instead of the service.
  var looksLikeHTML: Bool {
    if contentType.hasPrefix("text/html") || contentType.hasPrefix("application/xhtml") {
      return true
    }
    let start = body.drop { $0 <= 0x20 }.prefix(9).map { $0 | 0x20 }
    return start.starts(with: "<html".utf8) || start == Array("<!doctype".utf8)
  }
}
