"""The whole round with two boards: train, deploy, new pictures, collect, sort, train again, deploy again."""
