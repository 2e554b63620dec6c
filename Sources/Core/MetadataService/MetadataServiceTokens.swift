import Dialects
import Inventory

/// Session tokens: who shows one, and who is given one.
extension MetadataService {
  /// What is to be thought of the token that a request shows; nil where it shows none.
  func verdict(on request: GuestRequest, of holder: TokenHolder, now: Int)
    -> SessionTokens.Verdict?
  {
    request.fields.sessionToken.map { tokens.verdict(on: $0, of: holder, now: now) }
  }

  /// Whether a request may have an answer that was kept for its like.
  func admits(_ request: GuestRequest, on terms: AnswerCache.Terms, now: Int) -> Bool {
    let holder = terms.holder
    guard request.caller ?? holder.instance == holder.instance else { return false }
    guard let verdict = verdict(on: request, of: holder, now: now) else {
      guard !terms.needsToken else { return false }
      terms.tally.note(terms.dialect, now: now)
      return true
    }
    return verdict == .valid
  }

  /// The answer to a request at a token's path.
  func token(for request: GuestRequest, as view: InstanceView) -> GuestAnswer {
    let id = view.instance.id
    if let refusal = TokenRule.refusal(for: request) {
      return GuestAnswer(refusal: refusal, instance: id)
    }
    let holder = TokenHolder(view, request)
    guard let seconds = TokenRule.seconds(request.fields.tokenTTL),
      let text = tokens.issue(to: holder, seconds: seconds, now: environment.now())
    else { return GuestAnswer(refusal: .tokenKeyMissing, instance: id) }
    counters.increment("tokens.issued")
    var answer = GuestAnswer(
      contentType: Document.ContentType.plainText.rawValue, body: text, instance: id)
    answer.token = TokenGrant(
      ttlSeconds: seconds, field: request.fields.tokenTTLField,
      // The operator counts from the guest's own host, as AWS does.
      hopLimit: min(
        TokenGrant.maximumHopLimit,
        view.metadataOptions.httpPutResponseHopLimit + max(0, request.link.routers)))
    return answer
  }
}
