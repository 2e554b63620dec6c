import Inventory
import OrderedCollections

/// `dynamic/instance-identity/document`: who the instance is, in AWS' keys and order.
///
/// A guest that takes itself for one of AWS' asks again for minutes where this is missing, so it is
/// always there; what is not declared is null.
enum InstanceIdentityDocument {
  /// The document's own version, which AWS has not changed since.
  private static let formatVersion = "2017-09-30"

  static func value(for guest: EC2Guest) -> JSONValue {
    let instance = guest.instance
    return [
      "accountId": JSONValue(guest.ownerID),
      "architecture": JSONValue(instance.architecture),
      "availabilityZone": JSONValue(instance.availabilityZone),
      "billingProducts": .null,
      "devpayProductCodes": .null,
      "marketplaceProductCodes": .null,
      "imageId": JSONValue(guest.amiID),
      "instanceId": .string(guest.view.ec2InstanceID),
      "instanceType": JSONValue(instance.instanceType),
      "kernelId": JSONValue(instance.ec2.kernelID),
      "pendingTime": .string(
        CivilTime(secondsSince1970: guest.view.createdAtSeconds).description),
      "privateIp": JSONValue(guest.localIPv4?.description),
      "ramdiskId": JSONValue(instance.ec2.ramdiskID),
      "region": JSONValue(guest.region),
      "version": .string(formatVersion),
    ]
  }
}
