CREATE DATABASE shop OWNER shop_owner TEMPLATE template0
